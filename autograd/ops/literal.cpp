// Tensors of the caller's memory and of the program's numbers.
#include <algorithm>
#include <cstring>

#include <ember/autograd/ops/common.h>
#include <ember/core/backend.h>

namespace ember {

using namespace ops;  // NOLINT: the definitions below are this file's

// ---- the caller's memory ----

namespace {

void free_by_user(void* data, size_t, void* context) noexcept {
  auto* deleter = static_cast<BlobDeleter*>(context);
  (*deleter)(data);
  delete deleter;
}

}  // namespace

Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, int64_t storage_offset, const BlobDeleter& deleter,
                 const TensorOptions& options, std::optional<Device> target_device) {
  check_layout("from_blob", options);
  EMBER_CHECK(size.size() == strides.size(), "from_blob: ", size.size(), " sizes, but ", strides.size(), " strides");
  EMBER_CHECK(storage_offset >= 0, "from_blob: the offset must not be negative, got ", storage_offset);
  EMBER_CHECK(!options.requires_grad() || is_floating(options.dtype()),
              "from_blob: only floating tensors can require gradients, got ", dtype_name(options.dtype()));
  const Device device = resolve_device(target_device.value_or(options.device()));
  const int64_t numel = checked_numel(size);
  EMBER_CHECK(data != nullptr || numel == 0, "from_blob: a null pointer for ", size);
  int64_t extent = numel == 0 ? 0 : 1;
  bool overflow = numel != 0 && __builtin_add_overflow(extent, storage_offset, &extent);
  for (size_t d = 0; d < size.size() && numel != 0; ++d) {
    EMBER_CHECK(strides[d] >= 0, "from_blob: strides must not be negative, got ", strides);
    int64_t reach = 0;
    overflow |= __builtin_mul_overflow(size[d] - 1, strides[d], &reach);
    overflow |= __builtin_add_overflow(extent, reach, &extent);
  }
  int64_t nbytes = 0;
  overflow |= __builtin_mul_overflow(extent, static_cast<int64_t>(element_size(options.dtype())), &nbytes);
  EMBER_CHECK(!overflow, "from_blob: sizes ", size, " with strides ", strides, " overflow");
  const Dims checked_sizes = size;
  FreeFn free = nullptr;
  void* context = nullptr;
  if (deleter) {
    free = free_by_user;
    context = new BlobDeleter(deleter);
  }
  Storage storage(
      IntrusivePtr<StorageImpl>(new StorageImpl(data, static_cast<size_t>(nbytes), device, free, context, false)));
  const Tensor t(IntrusivePtr<TensorImpl>(new TensorImpl(std::move(storage), options.dtype(), checked_sizes, strides,
                                                         storage_offset, numel, is_contiguous(size, strides))));
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, const BlobDeleter& deleter,
                 const TensorOptions& options, std::optional<Device> target_device) {
  return from_blob(data, size, strides, 0, deleter, options, target_device);
}
Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, const TensorOptions& options) {
  return from_blob(data, size, strides, 0, {}, options);
}
Tensor from_blob(void* data, IntArrayRef size, const BlobDeleter& deleter, const TensorOptions& options,
                 std::optional<Device> target_device) {
  checked_numel(size);
  return from_blob(data, size, contiguous_strides(size), 0, deleter, options, target_device);
}
Tensor from_blob(void* data, IntArrayRef size, const TensorOptions& options) {
  checked_numel(size);
  return from_blob(data, size, contiguous_strides(size), 0, {}, options);
}

// ---- literals ----

namespace {

using Kind = TensorData::Kind;

// What is found going through nested lists: the sizes, one C++ type, whether there is a number at all.
struct Literal {
  Dims sizes;
  ScalarType type = ScalarType::Undefined;
  size_t depth = 0;       // of the numbers, once one is found
  bool complete = false;  // a number or an empty list was found, and with it how many dimensions there are

  void level(const TensorData& data, size_t at) {
    if (data.kind() == Kind::Number) {
      end(at);
      same_type(data.dtype());
      return;
    }
    const auto n = static_cast<int64_t>(data.size());
    if (at == sizes.size()) {
      EMBER_CHECK(!complete, "tensor: numbers and lists at one depth");
      sizes.push_back(n);
    }
    EMBER_CHECK(sizes[at] == n, "tensor: lists of ", sizes[at], " and ", n, " elements at depth ", at);
    if (data.kind() == Kind::Array) {
      end(at + 1);
      same_type(data.dtype());
      return;
    }
    if (n == 0) end(at + 1);
    for (const TensorData& item : data.list()) level(item, at + 1);
  }

 private:
  void end(size_t at) {
    EMBER_CHECK(!complete || depth == at, "tensor: numbers and lists at one depth");
    EMBER_CHECK(at == sizes.size(), "tensor: numbers and lists at one depth");
    depth = at;
    complete = true;
  }
  void same_type(ScalarType t) {
    EMBER_CHECK(type == ScalarType::Undefined || type == t,
                "tensor: elements of different types in one list: ", dtype_name(type), " and ", dtype_name(t));
    type = t;
  }
};

// int is as int64_t, and float as double, which is the default dtype; other types stay.
ScalarType default_for(ScalarType type) {
  if (type == ScalarType::Undefined || type == kFloat32 || type == kFloat64) return get_default_dtype();
  return type == kInt32 ? kInt64 : type;
}

template <class To>
void convert_array(const void* from, ScalarType type, size_t n, To* to) {
  visit_dtype(type, [&]<class From>() {
    const From* const p = static_cast<const From*>(from);
    for (size_t i = 0; i < n; ++i) {
      if constexpr (std::is_same_v<From, To>) {
        to[i] = p[i];
      } else {
        to[i] = Scalar(p[i]).cast<To>();
      }
    }
  });
}

template <class T>
void write(const TensorData& data, T*& at) {
  switch (data.kind()) {
    case Kind::Number:
      check_converts("tensor", data.number(), dtype_of_v<T>);
      *at++ = data.number().cast<T>();
      return;
    case Kind::Array:
      convert_array(data.array(), data.dtype(), data.size(), at);
      at += data.size();
      return;
    case Kind::List:
      for (const TensorData& item : data.list()) write(item, at);
      return;
  }
}

}  // namespace

Tensor tensor(TensorData data, const TensorOptions& options) {
  Literal literal;
  literal.level(data, 0);
  check_layout("tensor", options);
  const ScalarType dtype = options.dtype_opt().value_or(default_for(literal.type));
  EMBER_CHECK(!options.requires_grad() || is_floating(dtype),
              "tensor: only floating tensors can require gradients, got ", dtype_name(dtype));
  Tensor t = detail::empty(literal.sizes, dtype, kCPU, options.pinned_memory());
  visit_dtype(dtype, [&]<class T>() {
    T* at = static_cast<T*>(t.data_ptr());
    write(data, at);
  });
  if (!options.device().is_cpu()) t = t.to(options.device());
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

Tensor detail::array_tensor(const void* values, size_t size, ScalarType from, const TensorOptions& options) {
  check_layout("native_tensor", options);
  Tensor t = detail::empty({static_cast<int64_t>(size)}, options.dtype(), kCPU, options.pinned_memory());
  visit_dtype(options.dtype(), [&]<class T>() { convert_array(values, from, size, static_cast<T*>(t.data_ptr())); });
  if (!options.device().is_cpu()) t = t.to(options.device());
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

}  // namespace ember
