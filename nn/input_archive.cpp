#include <ember/autograd/grad_mode.h>
#include <ember/core/backend.h>
#include <ember/nn/archive_format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace ember::serialize {

using namespace detail;

namespace {

constexpr int kMaxDepth = 1000;  // of archives in archives: reading is recursive

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::Archive: return "an archive";
    case Kind::Tensor:
    case Kind::Buffer: return "a tensor";
    default: return "a value";
  }
}

// `size` bytes that are read from any position.
struct Source {
  std::function<size_t(uint64_t pos, void* buf, size_t nbytes)> read_some;
  uint64_t size;

  void read(uint64_t pos, void* to, uint64_t count) const {
    EMBER_CHECK(pos <= size && count <= size - pos, "InputArchive: the file ends at ", size, " bytes, ", count,
                " are needed at ", pos);
    auto* at = static_cast<char*>(to);
    while (count != 0) {
      const size_t got = read_some(pos, at, count);
      EMBER_CHECK(got != 0 && got <= count, "InputArchive: reading ", count, " bytes at ", pos, " failed");
      at += got;
      pos += got;
      count -= got;
    }
  }
};

class IndexReader {
 public:
  IndexReader(const Source& source, std::optional<Device> device) : source_(source), device_(device) {
    char magic[sizeof(kMagic)];
    EMBER_CHECK(source.size >= kHeaderSize, "InputArchive: ", source.size,
                " bytes are too few for an archive; its header has ", kHeaderSize);
    source.read(0, magic, sizeof(magic));
    EMBER_CHECK(std::memcmp(magic, kMagic, sizeof(magic)) == 0,
                "InputArchive: this is not an archive that OutputArchive wrote; other formats cannot be read");
    uint32_t version = 0;
    source.read(8, &version, sizeof(version));
    EMBER_CHECK(version == kVersion, "InputArchive: the archive has version ", version, ", only ", kVersion,
                " can be read");
    uint64_t index_size = 0;
    uint64_t total = 0;
    source.read(16, &index_size, sizeof(index_size));
    source.read(24, &total, sizeof(total));
    EMBER_CHECK(total >= kHeaderSize && total <= source.size, "InputArchive: the archive has ", total,
                " bytes by its header, but there are ", source.size, ": it is cut short");
    EMBER_CHECK(index_size <= total - kHeaderSize, "InputArchive: the index of ", index_size,
                " bytes does not fit the archive of ", total);
    index_.resize(index_size);
    source.read(kHeaderSize, index_.data(), index_size);
    payload_ = aligned(kHeaderSize + index_size);
    payload_size_ = total > payload_ ? total - payload_ : 0;
    total_ = total;
  }

  std::shared_ptr<const Entries> read() {
    auto result = archive(0);
    EMBER_CHECK(at_ == index_.size(), "InputArchive: the index goes on for ", index_.size() - at_,
                " bytes behind its end");
    return result;
  }
  uint64_t total() const { return total_; }

 private:
  void need(uint64_t count) const {
    EMBER_CHECK(count <= index_.size() - at_, "InputArchive: the index ends where ", count, " more bytes are needed");
  }
  template <class T>
  T number() {
    need(sizeof(T));
    T v;
    std::memcpy(&v, index_.data() + at_, sizeof(v));
    at_ += sizeof(v);
    return v;
  }
  std::string text() {
    const auto length = number<uint32_t>();
    need(length);
    std::string s = index_.substr(at_, length);
    at_ += length;
    return s;
  }
  // How many items follow, each of at least `least` bytes.
  uint64_t count(uint64_t least) {
    const auto n = number<uint64_t>();
    EMBER_CHECK(n <= (index_.size() - at_) / least, "InputArchive: ", n, " items do not fit the rest of the index");
    return n;
  }
  template <class T>
  std::vector<T> numbers() {
    std::vector<T> v(count(sizeof(T)));
    for (T& x : v) x = number<T>();
    return v;
  }
  Tensor tensor() {
    const auto dtype = static_cast<ScalarType>(number<uint8_t>());
    if (dtype == ScalarType::Undefined) return {};
    const size_t item = element_size(dtype);
    EMBER_CHECK(item != 0, "InputArchive: a tensor has the unknown dtype ", static_cast<int>(dtype));
    const auto requires_grad = number<uint8_t>();
    EMBER_CHECK(requires_grad <= (is_floating(dtype) ? 1 : 0), "InputArchive: a ", dtype_name(dtype),
                " tensor is said to require a gradient");
    const auto type = number<uint8_t>();
    const auto index = number<int8_t>();
    EMBER_CHECK(type < kNumDeviceTypes && index >= -1, "InputArchive: a tensor is on the unknown device ",
                static_cast<int>(type), ':', static_cast<int>(index));
    const Device device = device_.value_or(Device(static_cast<DeviceType>(type), index));
    const auto dim = number<uint8_t>();
    EMBER_CHECK(dim <= kMaxDims, "InputArchive: a tensor has ", static_cast<int>(dim), " dimensions, at most ",
                kMaxDims, " are supported");
    std::vector<int64_t> sizes(dim);
    uint64_t bytes = item;
    bool overflows = false;
    bool empty = false;
    for (int64_t& s : sizes) {
      s = number<int64_t>();
      EMBER_CHECK(s >= 0, "InputArchive: a tensor has the size ", s);
      empty |= s == 0;
      overflows |= __builtin_mul_overflow(bytes, static_cast<uint64_t>(std::max<int64_t>(s, 1)), &bytes);
    }
    if (empty) bytes = 0;
    const auto offset = number<uint64_t>();
    const auto stored = number<uint64_t>();
    EMBER_CHECK(!(overflows && !empty) && stored == bytes, "InputArchive: a ", dtype_name(dtype), " tensor of sizes ",
                IntArrayRef(sizes), " is said to have ", stored, " bytes");
    EMBER_CHECK(stored == 0 || (offset <= payload_size_ && stored <= payload_size_ - offset),
                "InputArchive: a tensor's ", stored, " bytes at ", offset, " are outside the payload of ",
                payload_size_);
    Tensor t = ember::detail::empty(sizes, dtype, kCPU);
    if (stored != 0) source_.read(payload_ + offset, t.data_ptr(), stored);
    if (!device.is_cpu()) t = t.to(device);
    return requires_grad != 0 ? t.requires_grad_() : t;
  }
  std::shared_ptr<const Entries> archive(int depth) {
    EMBER_CHECK(depth < kMaxDepth, "InputArchive: more than ", kMaxDepth, " archives are in one another");
    auto entries = std::make_shared<Entries>();
    const uint64_t n = count(5);
    entries->reserve(n);
    for (uint64_t i = 0; i < n; ++i) {
      Entry e;
      e.key = text();
      e.kind = static_cast<Kind>(number<uint8_t>());
      switch (e.kind) {
        case Kind::Archive: e.archive = archive(depth + 1); break;
        case Kind::Tensor:
        case Kind::Buffer: e.value = IValue(tensor()); break;
        case Kind::None: break;
        case Kind::Bool: e.value = IValue(number<uint8_t>() != 0); break;
        case Kind::Int: e.value = IValue(number<int64_t>()); break;
        case Kind::Double: e.value = IValue(number<double>()); break;
        case Kind::String: e.value = IValue(text()); break;
        case Kind::Ints: e.value = IValue(numbers<int64_t>()); break;
        case Kind::Doubles: e.value = IValue(numbers<double>()); break;
        case Kind::Tensors: {
          std::vector<Tensor> tensors(count(1));
          for (Tensor& t : tensors) t = tensor();
          e.value = IValue(std::move(tensors));
          break;
        }
        default:
          EMBER_CHECK(false, "InputArchive: the value of '", e.key, "' is of the unknown kind ",
                      static_cast<int>(e.kind));
      }
      entries->push_back(std::move(e));
    }
    return entries;
  }

  const Source& source_;
  std::optional<Device> device_;
  std::string index_;
  size_t at_ = 0;
  uint64_t payload_ = 0;
  uint64_t payload_size_ = 0;
  uint64_t total_ = 0;
};

}  // namespace

InputArchive::InputArchive() : entries_(std::make_shared<const Entries>()) {}
InputArchive::InputArchive(InputArchive&&) noexcept = default;
InputArchive& InputArchive::operator=(InputArchive&&) noexcept = default;
InputArchive::~InputArchive() = default;

const Entry* InputArchive::find(const std::string& key) const {
  const auto it = std::find_if(entries_->begin(), entries_->end(), [&key](const Entry& e) { return e.key == key; });
  return it == entries_->end() ? nullptr : &*it;
}

bool InputArchive::try_read(const std::string& key, IValue& value) {
  const Entry* entry = find(key);
  if (entry == nullptr || entry->kind == Kind::Archive) return false;
  value = entry->value;
  return true;
}

bool InputArchive::try_read(const std::string& key, Tensor& tensor, bool) {
  const Entry* entry = find(key);
  if (entry == nullptr || (entry->kind != Kind::Tensor && entry->kind != Kind::Buffer)) return false;
  const Tensor& source = entry->value.toTensor();
  if (!tensor.defined() || !source.defined()) {
    tensor = source;
    return true;
  }
  EMBER_CHECK(source.scalar_type() == tensor.scalar_type(), "InputArchive: '", path_, key, "' is ", describe(source),
              ", it cannot be read into a tensor of ", describe(tensor));
  NoGradGuard no_grad;
  tensor.set_data(source.device() == tensor.device() ? source.detach() : source.to(tensor.device()));
  return true;
}

bool InputArchive::try_read(const std::string& key, InputArchive& archive) {
  const Entry* entry = find(key);
  if (entry == nullptr || entry->kind != Kind::Archive) return false;
  std::string path = path_ + key + '.';  // `archive` may be this one
  archive.entries_ = std::shared_ptr<const Entries>(entry->archive);
  archive.path_ = std::move(path);
  return true;
}

namespace {

[[noreturn]] void throw_missing(const std::string& key, const Entry* entry, const char* wanted) {
  if (entry == nullptr)
    ember::detail::throw_error(str("InputArchive: there is no '", key, "'; ", wanted, " was expected"));
  ember::detail::throw_error(str("InputArchive: '", key, "' is ", name_of(entry->kind), ", ", wanted, " was expected"));
}

}  // namespace

void InputArchive::read(const std::string& key, IValue& value) {
  if (!try_read(key, value)) throw_missing(path_ + key, find(key), "a value");
}
void InputArchive::read(const std::string& key, Tensor& tensor, bool is_buffer) {
  if (!try_read(key, tensor, is_buffer)) throw_missing(path_ + key, find(key), "a tensor");
}
void InputArchive::read(const std::string& key, InputArchive& archive) {
  if (!try_read(key, archive)) throw_missing(path_ + key, find(key), "an archive");
}

std::vector<std::string> InputArchive::keys() const {
  std::vector<std::string> result;
  for (const Entry& e : *entries_) result.push_back(e.key);
  return result;
}

void InputArchive::load_from(const std::function<size_t(uint64_t, void*, size_t)>& read_func,
                             const std::function<size_t(void)>& size_func, std::optional<Device> device) {
  NoGradGuard no_grad;
  const Source source{read_func, size_func()};
  entries_ = IndexReader(source, device).read();
  path_.clear();
}

void InputArchive::load_from(const char* data, size_t size, std::optional<Device> device) {
  load_from(
      [data](uint64_t pos, void* to, size_t count) {
        std::memcpy(to, data + pos, count);
        return count;
      },
      [size] { return size; }, device);
}

void InputArchive::load_from(std::istream& stream, std::optional<Device> device) {
  EMBER_CHECK(stream, "InputArchive: the stream cannot be read");
  const std::istream::pos_type begin = stream.tellg();
  std::istream::pos_type end = -1;
  if (begin != std::istream::pos_type(-1)) {
    stream.seekg(0, std::ios::end);
    end = stream.tellg();
    stream.seekg(begin);
  }
  if (begin == std::istream::pos_type(-1) || end == std::istream::pos_type(-1) || !stream) {
    // It cannot be read from any position: keep what comes.
    stream.clear();
    const std::string all{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    load_from(all.data(), all.size(), device);
    return;
  }
  NoGradGuard no_grad;
  const Source source{[&](uint64_t pos, void* to, size_t count) {
                        stream.seekg(begin + static_cast<std::streamoff>(pos));
                        stream.read(static_cast<char*>(to), static_cast<std::streamsize>(count));
                        return static_cast<size_t>(stream.gcount());
                      },
                      static_cast<uint64_t>(end - begin)};
  IndexReader reader(source, device);
  entries_ = reader.read();
  path_.clear();
  stream.clear();
  stream.seekg(begin + static_cast<std::streamoff>(reader.total()));
}

void InputArchive::load_from(const std::string& filename, std::optional<Device> device) {
  std::ifstream file(filename, std::ios::binary);
  EMBER_CHECK(file, "InputArchive: the file '", filename, "' cannot be read");
  load_from(file, device);
}

}  // namespace ember::serialize
