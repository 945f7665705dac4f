// OutputArchive and InputArchive: named tensors and values, and archives inside archives, in a file or a stream.
//
//   serialize::OutputArchive out;
//   out.write("weight", w);
//   out.save_to("model.ember");
//   serialize::InputArchive in;
//   in.load_from("model.ember");
//   in.read("weight", w);
//
// The file, all numbers little-endian (this library is for such machines):
//
//   header, 32 bytes   the characters "EMBERARC", u32 version (1), u32 zero, u64 bytes of the index, u64 bytes in all
//   index              an archive: u64 number of entries, then each entry: a text (u32 length, bytes), its key;
//                      u8 kind; what it holds
//   payload            from the next multiple of 64 on: the elements of each tensor, row by row without gaps, each
//                      tensor from a multiple of 64 bytes on
//
//   kind               holds
//   0 archive          an archive, as above
//   1 tensor           a tensor: u8 dtype (the number of its ScalarType; 127 an undefined tensor, which ends here), u8
//   2 buffer           whether it requires a gradient, u8 device type, i8 device index, u8 dimensions, i64 each size,
//                      u64 offset in the payload, u64 bytes
//   16 none            nothing
//   17 bool            u8
//   18 int             i64
//   19 double          f64
//   20 string          a text
//   21 ints            u64 count, i64 each
//   22 doubles         u64 count, f64 each
//   23 tensors         u64 count, a tensor each
//
// Strides are not kept, nor what tensors share. A reader throws Error on what is not such a file, on one that is cut
// short or contradicts itself, before it allocates what the file claims.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ember/core/tensor.h>

namespace ember {

class IValue;

namespace serialize {

namespace detail {
struct Entry;
// The entries in the order in which they were written.
using Entries = std::vector<Entry>;
}  // namespace detail

class OutputArchive final {
 public:
  OutputArchive();
  OutputArchive(OutputArchive&&) noexcept;
  OutputArchive& operator=(OutputArchive&&) noexcept;
  ~OutputArchive();

  // In place of what was written by that key before. Tensors are kept as handles until save_to().
  void write(const std::string& key, const IValue& value);
  void write(const std::string& key, const Tensor& tensor, bool is_buffer = false);
  // The nested archive as it is now.
  void write(const std::string& key, OutputArchive& nested);
  template <class... Ts>
  void operator()(Ts&&... ts) {
    write(std::forward<Ts>(ts)...);
  }

  // To a file (which is replaced), to a stream from where it stands on, or by calls of a function that takes bytes
  // and returns how many of them it took.
  void save_to(const std::string& filename) const;
  void save_to(std::ostream& stream) const;
  void save_to(const std::function<size_t(const void*, size_t)>& func) const;

 private:
  void add(detail::Entry entry);

  std::unique_ptr<detail::Entries> entries_;
};

class InputArchive final {
 public:
  InputArchive();
  InputArchive(InputArchive&&) noexcept;
  InputArchive& operator=(InputArchive&&) noexcept;
  ~InputArchive();

  // The value of a key: throws if there is none, or if it is of another kind. try_read() returns false then. A tensor
  // that is defined takes the new data, sizes and all, as set_data() does, on the device that it is on, and throws if
  // the dtype is another; an undefined one becomes the tensor that was written. Whether it was written as a buffer
  // makes no difference.
  void read(const std::string& key, IValue& value);
  bool try_read(const std::string& key, IValue& value);
  void read(const std::string& key, Tensor& tensor, bool is_buffer = false);
  bool try_read(const std::string& key, Tensor& tensor, bool is_buffer = false);
  void read(const std::string& key, InputArchive& archive);
  bool try_read(const std::string& key, InputArchive& archive);
  template <class... Ts>
  void operator()(Ts&&... ts) {
    read(std::forward<Ts>(ts)...);
  }

  // Reads all of it, from a file, from a stream (which then stands behind it), from memory, or by a function that
  // copies nbytes from a position and returns how many there were. Tensors come to `device`, or to the one that they
  // were on. On an error the archive stays what it was.
  void load_from(const std::string& filename, std::optional<Device> device = std::nullopt);
  void load_from(std::istream& stream, std::optional<Device> device = std::nullopt);
  void load_from(const char* data, size_t size, std::optional<Device> device = std::nullopt);
  void load_from(const std::function<size_t(uint64_t pos, void* buf, size_t nbytes)>& read_func,
                 const std::function<size_t(void)>& size_func, std::optional<Device> device = std::nullopt);

  std::vector<std::string> keys() const;

 private:
  const detail::Entry* find(const std::string& key) const;

  std::shared_ptr<const detail::Entries> entries_;
  std::string path_;  // of this archive in the outermost one, for messages
};

}  // namespace serialize
}  // namespace ember
