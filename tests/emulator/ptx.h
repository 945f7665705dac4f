// A parsed kernel, and the state of the threads that run it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "machine.h"
#include "memory.h"

namespace emulator {

using Mask = uint32_t;  ///< a bit for each lane
inline constexpr int kLanes = 32;
inline constexpr Mask kAllLanes = ~Mask{0};

struct Frame;
struct Function;
struct Instruction;
/// What an instruction does for the lanes of frame.mask.
using Handler = void (*)(Frame&, const Instruction&);

enum class Flow : uint8_t {
  kNext,     ///< the handler, then the next instruction
  kBranch,   ///< to target
  kReturn,   ///< of a function; of an entry, the thread's end
  kExit,     ///< the thread's end
  kCall,     ///< of call
  kBarrier,  ///< of the block
  kWarp,     ///< the handler, when all lanes of the member mask s[kMembers] have come
};

/// Where a value is: a register if not negative, the constant ~operand otherwise. Each is 32 lanes of 64 bits, of
/// which an instruction looks at as many as its type has.
using Operand = int32_t;
inline constexpr Operand kNoOperand = INT32_MIN;
inline constexpr Operand kSink = 0;  ///< the register that takes what nobody wants
inline constexpr int kMembers = 3;

struct Call {
  const Function* function = nullptr;
  std::string name;                         ///< of a function of the machine's own, as vprintf, where function is null
  std::vector<int32_t> arguments, results;  ///< offsets in the caller's frame memory
};

struct Instruction {
  Handler handler = nullptr;
  Flow flow = Flow::kNext;
  bool guard_negated = false;
  bool strong = false;  ///< .volatile and the like
  uint8_t width = 1;    ///< elements of a vector
  Operand guard = kNoOperand;
  Operand d[4] = {kNoOperand, kNoOperand, kNoOperand, kNoOperand};
  Operand s[4] = {kNoOperand, kNoOperand, kNoOperand, kNoOperand};
  Operand address = kNoOperand;
  int64_t offset = 0;
  uint32_t target = 0;
  uint32_t file = 0, line = 0;  ///< of the source
  std::unique_ptr<Call> call;
  std::string text;  ///< the opcode
};

enum class Special : uint8_t {
  kTidX,
  kTidY,
  kTidZ,
  kNtidX,
  kNtidY,
  kNtidZ,
  kCtaidX,
  kCtaidY,
  kCtaidZ,
  kNctaidX,
  kNctaidY,
  kNctaidZ,
  kLaneid,
  kWarpid,
  kNwarpid,
  kSmid,
  kNsmid,
  kLanemaskEq,
  kLanemaskLt,
  kLanemaskLe,
  kLanemaskGt,
  kLanemaskGe,
  kDynamicShared
};

struct SpecialRegister {
  Special what;
  Operand where;
};

struct Function {
  std::string name;
  bool entry = false;
  std::vector<Instruction> code;
  std::vector<uint64_t> constants;  ///< 32 lanes each
  std::vector<SpecialRegister> specials;
  int32_t registers = 1;
  size_t frame_bytes = 0;  ///< of a lane: local variables, and parameters of and for functions
  size_t shared_bytes = 0;
  unsigned max_threads = 1024;
  std::vector<Parameter> parameters;  ///< of an entry in a launch's block; of a function in its frame
  std::vector<Parameter> results;     ///< of a function, in its frame
  size_t parameter_bytes = 0;
  const std::map<uint32_t, std::string>* files = nullptr;
};

struct Block;
class Races;
class GlobalRaces;

/// The threads of a warp in a function.
struct Frame {
  Block* block = nullptr;
  Frame* caller = nullptr;
  const Function* function = nullptr;
  uint64_t* registers = nullptr;
  std::byte* memory = nullptr;  ///< function->frame_bytes of each lane
  unsigned warp = 0;
  Mask began = 0;    ///< there are, of an entry
  Mask alive = 0;    ///< have not left the function
  Mask blocked = 0;  ///< wait at a barrier of the block
  Mask parked = 0;   ///< wait for lanes of the warp
  Mask mask = 0;     ///< for which the current instruction is
  uint32_t pc[kLanes] = {};
  bool carry[kLanes] = {};

  uint64_t* destination(Operand where) { return registers + static_cast<ptrdiff_t>(where) * kLanes; }
  const uint64_t* source(Operand where) const {
    return where >= 0 ? registers + static_cast<ptrdiff_t>(where) * kLanes
                      : function->constants.data() + static_cast<ptrdiff_t>(~where) * kLanes;
  }
  std::byte* lane_memory(int lane) const { return memory + static_cast<size_t>(lane) * function->frame_bytes; }

  /// Throws a Fault that names the kernel, the thread and the source's line.
  [[noreturn]] void fault(FaultKind kind, const Instruction& at, int lane, const std::string& why) const;
};

struct Barrier {
  struct Arrival {
    Frame* frame;
    const Instruction* at;
    Mask lanes;
    Operand result;  ///< of bar.red
  };
  unsigned expected = 0;  ///< threads; 0 is all that live
  unsigned arrived = 0;
  uint32_t count = 0, all = 1, any = 0;  ///< of bar.red's predicates
  char reduction = 0;                    ///< 'a'nd, 'o'r, 'p'opc
  std::vector<Arrival> arrivals;
};

/// The threads of a block.
struct Block {
  const std::byte* parameters = nullptr;
  size_t parameter_bytes = 0;
  std::vector<std::byte> shared;
  size_t shared_bytes = 0;
  std::vector<Frame> warps;
  Barrier barriers[16];
  Dim index, size, grid;
  size_t dynamic_shared = 0;
  Range known;             ///< of global memory, where the last access went
  Races* races = nullptr;  ///< null: nobody asks for them
  GlobalRaces* global_races = nullptr;
  bool init = false, sync = false;
};

template <class F>
inline void each_lane(Mask mask, F&& f) {
  if (mask == kAllLanes) {
    for (int lane = 0; lane < kLanes; ++lane) f(lane);
  } else {
    for (Mask m = mask; m != 0; m &= m - 1) f(std::countr_zero(m));
  }
}

/// A register's bits as a T, and back.
template <class T>
inline T value_of(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(T));  // little-endian: the low bytes come first
  return value;
}
template <class T>
inline uint64_t bits_of(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}

}  // namespace emulator
