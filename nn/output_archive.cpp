#include <ember/autograd/grad_mode.h>
#include <ember/nn/archive_format.h>

#include <cstring>
#include <fstream>

namespace ember::serialize {

using namespace detail;

namespace {

Kind kind_of(const IValue& v) {
  if (v.isNone()) return Kind::None;
  if (v.isTensor()) return Kind::Tensor;
  if (v.isBool()) return Kind::Bool;
  if (v.isInt()) return Kind::Int;
  if (v.isDouble()) return Kind::Double;
  if (v.isString()) return Kind::String;
  if (v.isIntList()) return Kind::Ints;
  if (v.isDoubleList()) return Kind::Doubles;
  if (v.isTensorList()) return Kind::Tensors;
  EMBER_CHECK(v.isScalar(), "OutputArchive: a value of this type cannot be written");
  const Scalar s = v.toScalar();
  return s.isBoolean() ? Kind::Bool : s.isFloatingPoint() ? Kind::Double : Kind::Int;
}

// The index as bytes, and where each tensor's elements go.
class IndexWriter {
 public:
  explicit IndexWriter(const Entries& entries) { write(entries); }

  const std::string& index() const { return index_; }
  // With their offsets in the payload, in that order.
  const std::vector<std::pair<uint64_t, Tensor>>& payloads() const { return payloads_; }
  uint64_t payload_size() const { return end_; }

 private:
  template <class T>
  void number(T v) {
    index_.append(reinterpret_cast<const char*>(&v), sizeof(v));
  }
  void text(const std::string& s) {
    EMBER_CHECK(s.size() <= UINT32_MAX, "OutputArchive: a text of ", s.size(), " bytes is too long");
    number(static_cast<uint32_t>(s.size()));
    index_ += s;
  }
  template <class T>
  void numbers(const std::vector<T>& v) {
    number<uint64_t>(v.size());
    for (const T& x : v) number(x);
  }
  void tensor(const Tensor& t) {
    if (!t.defined()) {
      number(static_cast<uint8_t>(ScalarType::Undefined));
      return;
    }
    number(static_cast<uint8_t>(t.scalar_type()));
    number(static_cast<uint8_t>(t.requires_grad()));
    number(static_cast<uint8_t>(t.device().type()));
    number(static_cast<int8_t>(t.device().index()));
    number(static_cast<uint8_t>(t.dim()));
    for (const int64_t s : t.sizes()) number(s);
    const uint64_t offset = aligned(end_);
    number(offset);
    number<uint64_t>(t.nbytes());
    if (t.nbytes() == 0) return;
    payloads_.emplace_back(offset, t);
    end_ = offset + t.nbytes();
  }
  void value(const Entry& e) {
    const IValue& v = e.value;
    const auto scalar = [&v] { return v.toScalar(); };
    switch (e.kind) {
      case Kind::Archive: write(*e.archive); break;
      case Kind::Tensor:
      case Kind::Buffer: tensor(v.toTensor()); break;
      case Kind::None: break;
      case Kind::Bool: number(static_cast<uint8_t>(v.isBool() ? v.toBool() : scalar().toBool())); break;
      case Kind::Int: number<int64_t>(v.isInt() ? v.toInt() : scalar().toLong()); break;
      case Kind::Double: number(v.isDouble() ? v.toDouble() : scalar().toDouble()); break;
      case Kind::String: text(v.toStringRef()); break;
      case Kind::Ints: numbers(v.toIntVector()); break;
      case Kind::Doubles: numbers(v.toDoubleVector()); break;
      case Kind::Tensors: {
        const auto tensors = v.toTensorVector();
        number<uint64_t>(tensors.size());
        for (const Tensor& t : tensors) tensor(t);
        break;
      }
    }
  }
  void write(const Entries& entries) {
    number<uint64_t>(entries.size());
    for (const Entry& e : entries) {
      text(e.key);
      number(e.kind);
      value(e);
    }
  }

  std::string index_;
  std::vector<std::pair<uint64_t, Tensor>> payloads_;
  uint64_t end_ = 0;
};

}  // namespace

OutputArchive::OutputArchive() : entries_(std::make_unique<Entries>()) {}
OutputArchive::OutputArchive(OutputArchive&&) noexcept = default;
OutputArchive& OutputArchive::operator=(OutputArchive&&) noexcept = default;
OutputArchive::~OutputArchive() = default;

void OutputArchive::add(Entry entry) {
  for (Entry& e : *entries_) {
    if (e.key != entry.key) continue;
    e = std::move(entry);
    return;
  }
  entries_->push_back(std::move(entry));
}

void OutputArchive::write(const std::string& key, const IValue& value) { add({key, kind_of(value), value}); }

void OutputArchive::write(const std::string& key, const Tensor& tensor, bool is_buffer) {
  add({key, is_buffer ? Kind::Buffer : Kind::Tensor, IValue(tensor)});
}

void OutputArchive::write(const std::string& key, OutputArchive& nested) {
  add({key, Kind::Archive, IValue(), std::make_shared<const Entries>(*nested.entries_)});
}

void OutputArchive::save_to(const std::function<size_t(const void*, size_t)>& func) const {
  uint64_t at = 0;
  const auto put = [&](const void* data, size_t count) {
    const size_t took = func(data, count);
    EMBER_CHECK(took == count, "OutputArchive: of ", count, " bytes only ", took, " could be written");
    at += count;
  };
  const auto pad_to = [&](uint64_t offset) {
    static constexpr char kZeros[kAlignment] = {};
    if (offset > at) put(kZeros, offset - at);
  };
  NoGradGuard no_grad;
  const IndexWriter writer(*entries_);
  const uint64_t index_size = writer.index().size();
  const uint64_t payload = aligned(kHeaderSize + index_size);
  const uint64_t total = writer.payloads().empty() ? kHeaderSize + index_size : payload + writer.payload_size();

  char header[kHeaderSize] = {};
  std::memcpy(header, kMagic, sizeof(kMagic));
  std::memcpy(header + 8, &kVersion, sizeof(kVersion));
  std::memcpy(header + 16, &index_size, sizeof(index_size));
  std::memcpy(header + 24, &total, sizeof(total));
  put(header, sizeof(header));
  put(writer.index().data(), index_size);
  for (const auto& [offset, tensor] : writer.payloads()) {
    pad_to(payload + offset);
    const Tensor host = tensor.detach().cpu().contiguous();
    put(host.data_ptr(), host.nbytes());
  }
}

void OutputArchive::save_to(std::ostream& stream) const {
  save_to([&stream](const void* data, size_t count) {
    stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(count));
    return stream ? count : 0;
  });
}

void OutputArchive::save_to(const std::string& filename) const {
  std::ofstream file(filename, std::ios::binary | std::ios::trunc);
  EMBER_CHECK(file, "OutputArchive: the file '", filename, "' cannot be written");
  save_to(file);
  file.close();
  EMBER_CHECK(file, "OutputArchive: writing the file '", filename, "' failed");
}

}  // namespace ember::serialize
