#include <sys/mman.h>
#include <algorithm>
#include <charconv>

#include "fat_binary.h"
#include "lexer.h"
#include "memory.h"
#include "parser.h"
#include "statement.h"

namespace emulator {

bool parse_number(std::string_view word, uint64_t* bits) {
  if (word.empty() || !std::isdigit(static_cast<unsigned char>(word[0]))) return false;
  int base = 10;
  if (word.size() > 2 && word[0] == '0') {
    const char mark = static_cast<char>(std::tolower(static_cast<unsigned char>(word[1])));
    if (mark == 'x' || mark == 'f' || mark == 'd') base = 16, word.remove_prefix(2);
  }
  if (word.back() == 'U') word.remove_suffix(1);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), *bits, base);
  return error == std::errc() && end == word.data() + word.size();
}

namespace {

// Globals are accessible as memory of the device is.
std::byte* allocate_variable(size_t bytes, size_t alignment) {
  static std::byte *begin = nullptr, *end = nullptr;
  const auto aligned = [&] {
    return reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(begin) + alignment - 1) / alignment * alignment);
  };
  if (begin == nullptr || aligned() + bytes > end) {
    const size_t chunk = std::max<size_t>(size_t{1} << 20, bytes + alignment);
    void* const memory = mmap(nullptr, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    begin = static_cast<std::byte*>(memory);
    end = begin + chunk;
  }
  std::byte* const result = aligned();
  begin = result + bytes;
  add_range(result, bytes);
  return result;
}

struct Variable {
  std::string_view name;
  size_t alignment = 1, bytes = 0;
  bool is_shared = false;
  std::vector<uint64_t> values;
  size_t value_bytes = 1;
};

uint64_t number(Lexer& lexer) {
  const bool negative = lexer.accept("-");
  uint64_t bits = 0;
  if (!parse_number(lexer.word(), &bits)) lexer.fail("a number is expected");
  lexer.take();
  return negative ? 0 - bits : bits;
}

// .global .align 4 .b8 name[8] = {1, 2, …};
Variable parse_variable(Lexer& lexer) {
  Variable v;
  v.is_shared = lexer.take() == ".shared";
  Type type = Type::kNone;
  size_t vector = 1;
  while (lexer.word().starts_with(".")) {
    const std::string_view word = lexer.take().substr(1);
    if (word == "align") v.alignment = number(lexer);
    if (word == "v2") vector = 2;
    if (word == "v4") vector = 4;
    if (const Type t = type_named(word); t != Type::kNone) type = t;
  }
  v.value_bytes = bytes_of(type);
  v.bytes = v.value_bytes * vector;
  v.alignment = std::max(v.alignment, v.bytes);
  v.name = lexer.take();
  while (lexer.accept("[")) {
    v.bytes *= lexer.is("]") ? 0 : number(lexer);
    lexer.expect("]");
  }
  if (lexer.accept("=")) {
    int depth = 0;
    do {
      if (lexer.accept("{")) {
        ++depth;
      } else if (lexer.accept("}")) {
        --depth;
      } else if (!lexer.accept(",")) {
        v.values.push_back(number(lexer));
      }
    } while (depth != 0);
  }
  lexer.expect(";");
  return v;
}

}  // namespace

// Function bodies are skipped by their closing brace, which stands at the beginning of a line.
void Module::index() {
  if (fat_binary_ != nullptr) text_ = extract_ptx(fat_binary_, capability_);
  indexed_ = true;
  for (Lexer lexer(text_, 0); !lexer.word().empty();) {
    const size_t at = lexer.position();
    if (lexer.is(".entry") || lexer.is(".func")) {
      const bool entry = lexer.take() == ".entry";
      if (!entry && lexer.accept("(")) {
        while (!lexer.accept(")")) lexer.take();
      }
      const std::string_view name = lexer.take();
      const size_t brace = text_.find_first_of("{;", lexer.position());
      if (brace == std::string::npos) return;
      size_t end = brace + 1;
      if (text_[brace] == '{') {
        where_[name] = at;
        int depth = 1;
        for (; end < text_.size() && depth != 0; ++end) {
          if (text_[end] == '{') ++depth;
          if (text_[end] == '}') --depth;
        }
      }
      lexer = Lexer(text_, end);
    } else if (lexer.is(".global") || lexer.is(".const") || lexer.is(".shared")) {
      const Variable v = parse_variable(lexer);
      if (v.is_shared) {
        shared_[v.name] = {v.alignment, v.bytes};
      } else {
        std::byte* const memory = allocate_variable(v.bytes, v.alignment);
        for (size_t n = 0; n < v.values.size(); ++n) {
          std::memcpy(memory + n * v.value_bytes, &v.values[n], v.value_bytes);
        }
        variables_[v.name] = reinterpret_cast<uintptr_t>(memory);
      }
    } else if (lexer.is(".target")) {
      lexer.take();
      const std::string_view name = lexer.take();  // sm_90
      if (name.starts_with("sm_")) std::from_chars(name.data() + 3, name.data() + name.size(), architecture_);
    } else if (lexer.is(".file")) {
      lexer.take();
      const auto index = static_cast<uint32_t>(number(lexer));
      const std::string_view path = lexer.take();
      files_[index] = path.substr(1, path.size() - 2);
    } else {
      lexer.take();
    }
  }
}

const Function& Module::function(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  if (!indexed_) index();
  std::unique_ptr<Function>& known = functions_[name];
  if (known == nullptr) {
    const auto found = where_.find(name);
    if (found == where_.end()) throw std::runtime_error("no function " + name + " in this PTX");
    known = std::make_unique<Function>();  // there before it is parsed, for it may call itself
    known->files = &files_;
    try {
      parse_function(*this, found->second, known.get());
    } catch (...) {
      known = nullptr;
      throw;
    }
  }
  return *known;
}

namespace {

// Whether griddepcontrol.wait comes before every branch, call and access to memory that other kernels may know.
bool waits_first(const Function& f) {
  for (const Instruction& i : f.code) {
    if (i.text == "griddepcontrol.wait") return i.guard == kNoOperand;
    if (i.flow != Flow::kNext) return false;
    const bool accesses = i.text.starts_with("ld.") || i.text.starts_with("st.") || i.text.starts_with("atom.") ||
                          i.text.starts_with("red.");
    const bool own = i.text.starts_with("ld.param") || i.text.find(".local") != std::string::npos ||
                     i.text.find(".shared") != std::string::npos;
    if (accesses && !own) return false;
  }
  return false;
}

}  // namespace

const Kernel& Module::kernel(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<Kernel>& known = kernels_[name];
  if (known == nullptr) {
    const Function& f = function(name);
    auto kernel = std::make_unique<Kernel>();
    kernel->name = name;
    kernel->parameters = f.parameters;
    kernel->parameter_bytes = f.parameter_bytes;
    kernel->static_shared = f.shared_bytes;
    kernel->max_threads = f.max_threads;
    kernel->architecture = architecture_;
    kernel->waits = waits_first(f);
    kernel->code = &f;
    kernels_[name] = std::move(kernel);
  }
  return *kernels_[name];
}

uint64_t Module::variable(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? 0 : found->second;
}

Parameter Module::shared_variable(std::string_view name) const {
  const auto found = shared_.find(name);
  return found == shared_.end() ? Parameter{} : found->second;
}

Module* load_module(const void* fat_binary, unsigned capability) { return new Module(fat_binary, capability); }

Module* load_text(std::string ptx) { return new Module(std::move(ptx)); }

const Kernel* find_kernel(Module* module, const std::string& name) { return &module->kernel(name); }

}  // namespace emulator
