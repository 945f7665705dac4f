#include "parser.h"

#include <algorithm>
#include <unordered_map>

#include "lexer.h"
#include "statement.h"

namespace emulator {

Type type_named(std::string_view name) {
  static const std::unordered_map<std::string_view, Type> types = {
      {"pred", Type::kPred}, {"b8", Type::kB8},   {"u8", Type::kU8},        {"s8", Type::kS8},
      {"b16", Type::kB16},   {"u16", Type::kU16}, {"s16", Type::kS16},      {"b32", Type::kB32},
      {"u32", Type::kU32},   {"s32", Type::kS32}, {"b64", Type::kB64},      {"u64", Type::kU64},
      {"s64", Type::kS64},   {"f16", Type::kF16}, {"bf16", Type::kBF16},    {"f16x2", Type::kF16x2},
      {"f32", Type::kF32},   {"f64", Type::kF64}, {"bf16x2", Type::kBF16x2}};
  const auto found = types.find(name);
  return found == types.end() ? Type::kNone : found->second;
}

size_t bytes_of(Type type) {
  switch (type) {
    case Type::kNone: return 0;
    case Type::kPred:
    case Type::kB8:
    case Type::kU8:
    case Type::kS8: return 1;
    case Type::kB16:
    case Type::kU16:
    case Type::kS16:
    case Type::kF16:
    case Type::kBF16: return 2;
    case Type::kB32:
    case Type::kU32:
    case Type::kS32:
    case Type::kF32:
    case Type::kF16x2:
    case Type::kBF16x2: return 4;
    case Type::kB64:
    case Type::kU64:
    case Type::kS64:
    case Type::kF64: return 8;
  }
  return 0;
}

namespace {

// What a name stands for.
struct Symbol {
  enum class Kind { kRegister, kLaunchParameter, kFrame, kShared, kGlobal } kind = Kind::kRegister;
  Operand where = kNoOperand;  // a register
  int64_t offset = 0;          // or an address in the kind's space
};

struct Argument {
  std::vector<Operand> operands;  // more than one of a vector
  bool negated = false, vector = false, address = false;
  Operand second = kNoOperand;  // of a|b
  int64_t offset = 0;
  Symbol::Kind kind = Symbol::Kind::kRegister;  // of an address's base
};

class FunctionParser {
 public:
  FunctionParser(Module& module, size_t at, Function* into) : module_(module), lexer_(module.text(), at), f_(into) {
    scopes_.emplace_back();
  }

  void parse() {
    header();
    lexer_.expect("{");
    for (int depth = 1; depth != 0;) {
      if (lexer_.accept("{")) {
        ++depth;
        scopes_.emplace_back();
      } else if (lexer_.accept("}")) {
        --depth;
        scopes_.pop_back();
      } else {
        statement();
      }
    }
    for (const auto& [instruction, label] : branches_) {
      const auto found = labels_.find(label);
      if (found == labels_.end()) lexer_.fail("no label " + std::string(label));
      f_->code[instruction].target = found->second;
    }
    f_->frame_bytes = (f_->frame_bytes + 15) / 16 * 16;
  }

 private:
  // ---- declarations ----

  struct Declaration {
    std::string_view name;
    Type type = Type::kNone;
    size_t alignment = 1, bytes = 0;
  };

  uint64_t number() {
    uint64_t bits = 0;
    if (!parse_number(lexer_.word(), &bits)) lexer_.fail("a number is expected");
    lexer_.take();
    return bits;
  }

  // .align 8 .b8 name[16], or .u64 name; the space has been read.
  Declaration declaration() {
    Declaration d;
    while (lexer_.word().starts_with(".")) {
      const std::string_view word = lexer_.take().substr(1);
      if (word == "align") {
        d.alignment = number();
      } else if (word == "ptr") {
        while (lexer_.is(".global") || lexer_.is(".shared") || lexer_.is(".align")) {
          if (lexer_.take() == ".align") number();
        }
      } else if (const Type type = type_named(word); type != Type::kNone) {
        d.type = type;
      } else {
        lexer_.fail("an unknown word ." + std::string(word) + " in a declaration");
      }
    }
    d.bytes = bytes_of(d.type);
    d.alignment = std::max(d.alignment, d.bytes);
    d.name = lexer_.take();
    while (lexer_.accept("[")) {
      d.bytes *= lexer_.is("]") ? 0 : number();
      lexer_.expect("]");
    }
    return d;
  }

  static size_t place(size_t* end, size_t alignment, size_t bytes) {
    const size_t at = (*end + alignment - 1) / alignment * alignment;
    *end = at + bytes;
    return at;
  }

  std::vector<Parameter> parameters(bool launch) {
    std::vector<Parameter> result;
    if (!lexer_.accept("(")) return result;
    while (!lexer_.accept(")")) {
      if (lexer_.accept(",")) continue;
      lexer_.expect(".param");
      const Declaration d = declaration();
      const size_t at = place(launch ? &f_->parameter_bytes : &f_->frame_bytes, d.alignment, d.bytes);
      const auto kind = launch ? Symbol::Kind::kLaunchParameter : Symbol::Kind::kFrame;
      scopes_.back()[d.name] = {kind, kNoOperand, static_cast<int64_t>(at)};
      result.push_back({at, d.bytes});
    }
    return result;
  }

  void header() {
    f_->entry = lexer_.take() == ".entry";
    if (!f_->entry && lexer_.is("(")) f_->results = parameters(false);
    f_->name = lexer_.take();
    f_->parameters = parameters(f_->entry);
    while (!lexer_.is("{")) {
      const std::string_view word = lexer_.take();
      if (word == ".maxntid" || word == ".reqntid") {
        unsigned threads = static_cast<unsigned>(number());
        while (lexer_.accept(",")) threads *= static_cast<unsigned>(number());
        f_->max_threads = threads;
      }
    }
  }

  void registers() {
    std::string_view type = lexer_.take();
    if (type == ".v2" || type == ".v4") lexer_.fail("vector registers are not known");
    do {
      const std::string_view name = lexer_.take();
      if (lexer_.accept("<")) {
        // %r<5>: %r0 to %r4, of which names are made as they are met.
        families_[name] = f_->registers;
        f_->registers += static_cast<int32_t>(number());
        lexer_.expect(">");
      } else {
        scopes_.back()[name] = {Symbol::Kind::kRegister, f_->registers++, 0};
      }
    } while (lexer_.accept(","));
    lexer_.expect(";");
  }

  void directive() {
    const std::string_view word = lexer_.take();
    if (word == ".reg") {
      registers();
    } else if (word == ".local" || word == ".param") {
      const Declaration d = declaration();
      const size_t at = place(&f_->frame_bytes, d.alignment, d.bytes);
      scopes_.back()[d.name] = {Symbol::Kind::kFrame, kNoOperand, static_cast<int64_t>(at)};
      lexer_.expect(";");
    } else if (word == ".shared") {
      const Declaration d = declaration();
      const size_t at = place(&f_->shared_bytes, d.alignment, d.bytes);
      scopes_.front()[d.name] = {Symbol::Kind::kShared, kNoOperand, static_cast<int64_t>(at)};
      lexer_.expect(";");
    } else if (word == ".loc") {
      file_ = static_cast<uint32_t>(number());
      line_ = static_cast<uint32_t>(number());
      lexer_.take_line();
    } else if (word == ".pragma") {
      while (!lexer_.accept(";")) lexer_.take();
    } else {
      lexer_.fail("an unknown directive " + std::string(word));
    }
  }

  // ---- operands ----

  Operand constant(uint64_t bits) {
    const auto [at, fresh] = constants_.try_emplace(bits, static_cast<Operand>(f_->constants.size() / kLanes));
    if (fresh) f_->constants.insert(f_->constants.end(), kLanes, bits);
    return ~at->second;
  }

  Operand special(std::string_view name) {
    static const std::unordered_map<std::string_view, Special> specials = {
        {"%tid.x", Special::kTidX},
        {"%tid.y", Special::kTidY},
        {"%tid.z", Special::kTidZ},
        {"%ntid.x", Special::kNtidX},
        {"%ntid.y", Special::kNtidY},
        {"%ntid.z", Special::kNtidZ},
        {"%ctaid.x", Special::kCtaidX},
        {"%ctaid.y", Special::kCtaidY},
        {"%ctaid.z", Special::kCtaidZ},
        {"%nctaid.x", Special::kNctaidX},
        {"%nctaid.y", Special::kNctaidY},
        {"%nctaid.z", Special::kNctaidZ},
        {"%laneid", Special::kLaneid},
        {"%warpid", Special::kWarpid},
        {"%nwarpid", Special::kNwarpid},
        {"%smid", Special::kSmid},
        {"%nsmid", Special::kNsmid},
        {"%lanemask_eq", Special::kLanemaskEq},
        {"%lanemask_lt", Special::kLanemaskLt},
        {"%lanemask_le", Special::kLanemaskLe},
        {"%lanemask_gt", Special::kLanemaskGt},
        {"%lanemask_ge", Special::kLanemaskGe},
        {"%dynamic_smem_size", Special::kDynamicShared}};
    const auto found = specials.find(name);
    if (found == specials.end()) return kNoOperand;
    const auto [at, fresh] = specials_.try_emplace(name, f_->registers);
    if (fresh) f_->specials.push_back({found->second, f_->registers++});
    return at->second;
  }

  bool lookup(std::string_view name, Symbol* symbol) {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      if (const auto found = scope->find(name); found != scope->end()) {
        *symbol = found->second;
        return true;
      }
    }
    if (const size_t digits = name.find_last_not_of("0123456789") + 1; digits < name.size()) {
      if (const auto family = families_.find(name.substr(0, digits)); family != families_.end()) {
        uint64_t index = 0;
        parse_number(name.substr(digits), &index);
        *symbol = {Symbol::Kind::kRegister, family->second + static_cast<Operand>(index), 0};
        return true;
      }
    }
    if (const Parameter shared = module_.shared_variable(name); shared.offset != 0) {
      if (shared.bytes == 0) lexer_.fail("dynamic shared memory is not known");
      if (!f_->entry) lexer_.fail("shared variables of a module are known in entries only");
      const size_t at = place(&f_->shared_bytes, std::max<size_t>(shared.offset, 16), shared.bytes);
      *symbol = scopes_.front()[name] = {Symbol::Kind::kShared, kNoOperand, static_cast<int64_t>(at)};
      return true;
    }
    if (const uint64_t address = module_.variable(name); address != 0) {
      *symbol = {Symbol::Kind::kGlobal, kNoOperand, static_cast<int64_t>(address)};
      return true;
    }
    return false;
  }

  // A register, a number, or a name's address.
  Operand operand(Symbol::Kind* kind = nullptr) {
    if (lexer_.accept("-")) return constant(0 - number());
    const std::string_view word = lexer_.take();
    uint64_t bits = 0;
    if (parse_number(word, &bits)) return constant(bits);
    if (word == "_") return kSink;
    if (word == "WARP_SZ") return constant(kLanes);
    if (const Operand s = special(word); s != kNoOperand) return s;
    Symbol symbol;
    if (!lookup(word, &symbol)) lexer_.fail("an unknown name " + std::string(word) + " before");
    if (kind != nullptr) *kind = symbol.kind;
    return symbol.kind == Symbol::Kind::kRegister ? symbol.where : constant(static_cast<uint64_t>(symbol.offset));
  }

  Argument argument() {
    Argument a;
    if (lexer_.accept("[")) {
      a.address = true;
      a.operands.push_back(operand(&a.kind));
      if (lexer_.accept("+")) {
        const bool negative = lexer_.accept("-");
        const auto offset = static_cast<int64_t>(number());
        a.offset = negative ? -offset : offset;
      }
      lexer_.expect("]");
      return a;
    }
    if (lexer_.accept("{")) {
      a.vector = true;
      do a.operands.push_back(operand());
      while (lexer_.accept(","));
      lexer_.expect("}");
      return a;
    }
    a.negated = lexer_.accept("!");
    a.operands.push_back(operand());
    if (lexer_.accept("|")) a.second = operand();
    return a;
  }

  // ---- instructions ----

  static Opcode opcode_of(std::string_view word) {
    Opcode op;
    size_t dot = word.find('.');
    op.name = word.substr(0, dot);
    while (dot != std::string_view::npos) {
      const size_t begin = dot + 1;
      dot = word.find('.', begin);
      const std::string_view modifier = word.substr(begin, dot == std::string_view::npos ? dot : dot - begin);
      op.modifiers.push_back(modifier);
      if (const Type type = type_named(modifier); type != Type::kNone) {
        op.before = op.type;
        op.type = type;
      }
    }
    return op;
  }

  static Space space_of(const Opcode& op, const Argument* address) {
    if (address != nullptr) {
      if (address->kind == Symbol::Kind::kLaunchParameter) return Space::kParameter;
      if (address->kind == Symbol::Kind::kFrame) return Space::kLocal;
    }
    if (op.has("global") || op.has("const")) return Space::kGlobal;
    if (op.has("shared") || op.has("shared::cta")) return Space::kShared;
    if (op.has("local")) return Space::kLocal;
    return Space::kGeneric;
  }

  void statement() {
    if (lexer_.word().starts_with(".")) {
      directive();
      return;
    }
    if (lexer_.accept(";")) return;
    Instruction i;
    i.file = file_;
    i.line = line_;
    if (lexer_.accept("@")) {
      i.guard_negated = lexer_.accept("!");
      i.guard = operand();
    }
    const std::string_view word = lexer_.take();
    if (lexer_.accept(":")) {
      labels_[word] = static_cast<uint32_t>(f_->code.size());
      return;
    }
    i.text = word;
    const Opcode op = opcode_of(word);
    if (op.name == "bra") {
      i.flow = Flow::kBranch;
      branches_.emplace_back(f_->code.size(), lexer_.take());
    } else if (op.name == "ret" || op.name == "exit") {
      i.flow = op.name == "ret" ? Flow::kReturn : Flow::kExit;
    } else if (op.name == "call") {
      call(i);
    } else {
      plain(op, i);
    }
    lexer_.expect(";");
    f_->code.push_back(std::move(i));
  }

  int64_t frame_offset(std::string_view name) {
    Symbol symbol;
    if (!lookup(name, &symbol) || symbol.kind != Symbol::Kind::kFrame) lexer_.fail("no parameter " + std::string(name));
    return symbol.offset;
  }

  // call.uni (results), function, (arguments);
  void call(Instruction& i) {
    i.flow = Flow::kCall;
    i.call = std::make_unique<Call>();
    const auto names = [&](std::vector<int32_t>* offsets) {
      lexer_.expect("(");
      while (!lexer_.accept(")")) {
        if (!lexer_.accept(",")) offsets->push_back(static_cast<int32_t>(frame_offset(lexer_.take())));
      }
    };
    if (lexer_.is("(")) {
      names(&i.call->results);
      lexer_.expect(",");
    }
    i.call->name = lexer_.take();
    if (lexer_.accept(",")) names(&i.call->arguments);
    if (lexer_.is(",")) lexer_.fail("calls through a pointer are not known");
    if (i.call->name != "vprintf" && i.call->name != "__assertfail") i.call->function = &module_.function(i.call->name);
  }

  static bool has_result(const Opcode& op) {
    static constexpr std::string_view names[] = {"st",   "red",       "bar",      "barrier",   "membar",        "fence",
                                                 "trap", "nanosleep", "prefetch", "prefetchu", "griddepcontrol"};
    if ((op.name == "bar" || op.name == "barrier") && op.has("red")) return true;
    return std::find(std::begin(names), std::end(names), op.name) == std::end(names);
  }

  // What reads %clock and the like is an instruction of its own: see timer in instructions_warp.cpp.
  bool timer(const Opcode& op, Instruction& i) {
    const std::string_view word = lexer_.word();
    const bool clock = word == "%clock" || word == "%clock64" || word == "%clock_hi";
    if (op.name != "mov" || (!clock && word != "%globaltimer")) return false;
    lexer_.take();
    Opcode read = op;
    read.name = "timer";
    i.handler = warp_handler(read);
    return true;
  }

  void plain(const Opcode& op, Instruction& i) {
    std::vector<Argument> sources;
    Argument destination;
    if (has_result(op) && !lexer_.is(";")) {
      destination = argument();
      for (size_t n = 0; n < destination.operands.size(); ++n) i.d[n] = destination.operands[n];
      if (destination.second != kNoOperand) i.d[1] = destination.second;
      if (lexer_.accept(",") && timer(op, i)) return;
    }
    while (!lexer_.is(";")) {
      if (!lexer_.accept(",")) sources.push_back(argument());
    }
    const Argument* address = nullptr;
    size_t count = 0;
    for (const Argument& a : sources) {
      if (a.address) {
        address = &a;
        i.address = a.operands[0];
        i.offset = a.offset;
        continue;
      }
      for (const Operand o : a.operands) {
        if (count == std::size(i.s)) lexer_.fail("too many operands");
        i.s[count++] = a.negated ? negated(o) : o;
      }
    }
    choose(op, i, destination, count, address);
    if (i.handler == nullptr) lexer_.fail("the instruction " + i.text + " is not known, before");
  }

  // A predicate's opposite, into a register of its own by an instruction before this one.
  Operand negated(Operand predicate) {
    Instruction n;
    Opcode op;
    op.name = "not";
    op.type = Type::kPred;
    n.handler = integer_handler(op);
    n.d[0] = f_->registers++;
    n.s[0] = predicate;
    n.text = "not.pred";
    f_->code.push_back(std::move(n));
    return f_->code.back().d[0];
  }

  void choose(const Opcode& op, Instruction& i, const Argument& destination, size_t sources, const Argument* address) {
    const Space space = space_of(op, address);
    if ((i.handler = memory_handler(op, space)) != nullptr) {
      if (op.name == "ld" || op.name == "ldu") i.width = static_cast<uint8_t>(destination.operands.size());
      i.strong = op.has("volatile") || op.has("relaxed") || op.has("acquire") || op.has("release");
      if (op.name == "st") i.width = static_cast<uint8_t>(sources);
      // A register's ld.param is of what a launch gives; of a function's own parameters it is of the frame.
      if (op.has("param") && space == Space::kGeneric) {
        i.handler = memory_handler(op, f_->entry ? Space::kParameter : Space::kLocal);
      }
      return;
    }
    if ((i.handler = atomic_handler(op, space)) != nullptr) return;
    if ((i.handler = move_handler(op, destination.operands.size(), sources)) != nullptr) return;
    if ((i.handler = compare_handler(op, sources, destination.second != kNoOperand)) != nullptr) return;
    if ((i.handler = convert_handler(op)) != nullptr) return;
    if ((i.handler = warp_handler(op)) != nullptr) {
      synchronisation(op, i, sources);
      return;
    }
    const bool halves = op.type == Type::kF16x2 || op.type == Type::kBF16x2;
    const bool floating = op.type == Type::kF32 || op.type == Type::kF64 || halves;
    i.handler = floating ? float_handler(op) : integer_handler(op);
  }

  // The member mask goes to its place; barriers are the machine's.
  void synchronisation(const Opcode& op, Instruction& i, size_t sources) {
    const bool barrier = op.name == "bar" || op.name == "barrier";
    if (barrier && !op.has("warp")) {
      i.flow = Flow::kBarrier;
      i.width = static_cast<uint8_t>(sources);
      return;
    }
    if (barrier || op.name == "shfl" || op.name == "vote" || op.name == "match" || op.name == "redux") {
      if (!op.has("sync")) lexer_.fail("only the .sync forms are known");
      i.flow = Flow::kWarp;
      const Operand members = i.s[sources - 1];
      i.s[sources - 1] = kNoOperand;
      i.s[kMembers] = members;
    }
  }

  Module& module_;
  Lexer lexer_;
  Function* const f_;
  std::vector<std::unordered_map<std::string_view, Symbol>> scopes_;
  std::unordered_map<std::string_view, Operand> families_;
  std::unordered_map<uint64_t, Operand> constants_;
  std::unordered_map<std::string_view, Operand> specials_;
  std::unordered_map<std::string_view, uint32_t> labels_;
  std::vector<std::pair<size_t, std::string_view>> branches_;
  uint32_t file_ = 0, line_ = 0;
};

}  // namespace

void parse_function(Module& module, size_t at, Function* into) { FunctionParser(module, at, into).parse(); }

}  // namespace emulator
