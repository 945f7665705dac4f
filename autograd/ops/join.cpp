// Joining tensors along a dimension.
#include <ember/autograd/ops/list_node.h>

namespace ember {

namespace ops {
namespace {

// A tensor of sizes [0] goes with any others and takes no part.
bool takes_no_part(const Tensor& t) { return t.dim() == 1 && t.numel() == 0; }

struct Joined {
  Dims sizes;
  ScalarType dtype = ScalarType::Undefined;
  MemoryFormat format = MemoryFormat::Contiguous;  // of all tensors, if they agree on it
  Device device;
  int64_t dim = 0;
};

Joined check_cat(const char* op, TensorList tensors, int64_t dim) {
  check_list(op, tensors);
  const Tensor* model = nullptr;  // the first that takes part
  Joined result;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    EMBER_CHECK(t.dim() > 0, op, ": tensor ", i, " is 0-dimensional");
    check_same_device(op, tensors[0], t);
    result.dtype = i == 0 ? t.scalar_type() : promote_types(result.dtype, t.scalar_type());
    const MemoryFormat format = t.suggest_memory_format();
    if (i == 0) result.format = format;
    if (format != result.format) result.format = MemoryFormat::Contiguous;
    if (model == nullptr && !takes_no_part(t)) model = &t;
  }
  if (model == nullptr) {  // nothing to join; the dimension is not looked at either
    result.sizes = Dims{0};
    result.device = tensors[0].device();
    return result;
  }
  result.device = model->device();
  result.dim = wrap_dim(dim, model->dim());
  result.sizes = Dims(model->sizes());
  int64_t total = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (takes_no_part(t)) continue;
    EMBER_CHECK(t.dim() == model->dim(), op, ": tensors of ", model->dim(), " and ", t.dim(),
                " dimensions: ", model->sizes(), " and ", t.sizes());
    for (int64_t e = 0; e < t.dim(); ++e) {
      EMBER_CHECK(e == result.dim || t.size(e) == model->size(e), op, ": sizes ", model->sizes(), " and ", t.sizes(),
                  " of tensor ", i, " differ outside dimension ", result.dim);
    }
    EMBER_CHECK(!__builtin_add_overflow(total, t.size(result.dim), &total), op, ": the size of the result overflows");
  }
  result.sizes[static_cast<size_t>(result.dim)] = total;
  return result;
}

// Writes the tensors behind each other into `y`, unrecorded.
void join_into(const Tensor& y, TensorList tensors, int64_t dim) {
  const auto d = static_cast<size_t>(dim);
  int64_t offset = y.storage_offset();
  for (const Tensor& t : tensors) {
    if (takes_no_part(t)) continue;
    copy_contents(ember::detail::alias(y, t.sizes(), y.strides(), offset), t);
    offset += t.sizes()[d] * y.strides()[d];
  }
}

Tensor joined(const Joined& result, TensorList tensors) {
  Tensor y = ember::detail::empty(result.sizes, result.dtype, result.device);
  if (result.format != MemoryFormat::Contiguous && y.numel() != 0) {
    y = ember::detail::alias(y, result.sizes, format_strides(result.sizes, result.format), 0);
  }
  join_into(y, tensors, result.dim);
  return y;
}

bool share_memory(const Tensor& a, const Tensor& b) {
  if (!a.is_alias_of(b) || a.numel() == 0 || b.numel() == 0) return false;
  const auto end = [](const Tensor& t) {
    return static_cast<const char*>(t.data_ptr()) +
           view_extent(t.sizes(), t.strides()) * static_cast<int64_t>(t.element_size());
  };
  return a.data_ptr() < end(b) && b.data_ptr() < end(a);
}

// Tensors of sizes that a dimension is put into, all promoted to one dtype.
std::vector<Tensor> checked_stack(const char* op, TensorList tensors) {
  check_list(op, tensors);
  std::vector<Tensor> list = tensors.vec();
  ScalarType dtype = tensors[0].scalar_type();
  for (size_t i = 1; i < list.size(); ++i) {
    EMBER_CHECK(list[i].sizes() == list[0].sizes(), op, ": tensor ", i, " has sizes ", list[i].sizes(), ", the first ",
                list[0].sizes());
    dtype = promote_types(dtype, list[i].scalar_type());
  }
  return list;
}

std::vector<Tensor> unsqueezed(const std::vector<Tensor>& tensors, int64_t dim) {
  std::vector<Tensor> out;
  out.reserve(tensors.size());
  for (const Tensor& t : tensors) out.push_back(unsqueeze(t, dim));
  return out;
}

// The `_out` form of a join that first gives its tensors other shapes.
template <class F>
Tensor& join_out(const char* op, Tensor& out, TensorList tensors, F shape, int64_t dim) {
  check_defined(op, out, "out");
  const NoGradGuard unrecorded;
  const std::vector<Tensor> list = shape(tensors);
  return cat_out(out, list, dim);
}

int64_t hstack_dim(const std::vector<Tensor>& list) { return list[0].dim() == 1 ? 0 : 1; }

std::vector<Tensor> columns(TensorList tensors) {
  std::vector<Tensor> list;
  for (const Tensor& t : tensors) list.push_back(t.dim() <= 1 ? t.reshape({t.numel(), 1}) : t);
  return list;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor cat(TensorList tensors, int64_t dim) {
  const Joined result = check_cat("cat", tensors, dim);
  Tensor y = joined(result, tensors);
  bool any = false;
  for (const Tensor& t : tensors) any |= recording(t);
  if (!any) return y;
  std::vector<int64_t> lengths;  // -1 for one that takes no part
  std::vector<ScalarType> dtypes;
  for (const Tensor& t : tensors) {
    lengths.push_back(takes_no_part(t) ? -1 : t.size(result.dim));
    dtypes.push_back(t.scalar_type());
  }
  return record_list(
      "CatBackward0", y, tensors,
      [lengths = std::move(lengths), dtypes = std::move(dtypes), dim = result.dim](size_t i, const Tensor& g) {
        if (lengths[i] < 0) return zeros({0}, g.options().dtype(dtypes[i]));
        int64_t at = 0;
        for (size_t j = 0; j < i; ++j) at += std::max<int64_t>(lengths[j], 0);
        return as_dtype(g.narrow(dim, at, lengths[i]), dtypes[i]);
      });
}

Tensor& cat_out(Tensor& out, TensorList tensors, int64_t dim) {
  check_defined("cat_out", out, "out");
  const Joined result = check_cat("cat_out", tensors, dim);
  for (size_t i = 0; i < tensors.size(); ++i) {
    check_out_unrecorded("cat", out, {&tensors[i]});
    EMBER_CHECK(!share_memory(out, tensors[i]), "cat_out: tensor ", i, " shares memory with out; clone() it first");
  }
  EMBER_CHECK(out.device() == result.device, "cat_out: the tensors are on ", result.device, ", out is ", describe(out));
  EMBER_CHECK(can_cast(result.dtype, out.scalar_type()), "cat_out: a result of dtype ", dtype_name(result.dtype),
              " cannot be written to ", describe(out));
  if (out.sizes() == IntArrayRef(result.sizes)) check_dest("cat_out", out, result.sizes, result.dtype);
  resize_output("cat_out", out, result.sizes);
  join_into(out, tensors, result.dim);
  bump_version(out);
  return out;
}

Tensor stack(TensorList tensors, int64_t dim) {
  const std::vector<Tensor> list = checked_stack("stack", tensors);
  const int64_t d = wrap_dim(dim, list[0].dim() + 1);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    const std::vector<Tensor> parts = unsqueezed(list, d);
    Joined result = check_cat("stack", parts, d);
    result.format = MemoryFormat::Contiguous;
    y = joined(result, parts);
  }
  std::vector<ScalarType> dtypes;
  for (const Tensor& t : list) dtypes.push_back(t.scalar_type());
  return record_list("StackBackward0", y, list, [d, dtypes = std::move(dtypes)](size_t i, const Tensor& g) {
    return as_dtype(g.select(d, static_cast<int64_t>(i)), dtypes[i]);
  });
}
Tensor& stack_out(Tensor& out, TensorList tensors, int64_t dim) {
  const std::vector<Tensor> list = checked_stack("stack_out", tensors);
  const int64_t d = wrap_dim(dim, list[0].dim() + 1);
  return join_out(
      "stack_out", out, list, [d](TensorList l) { return unsqueezed(l.vec(), d); }, d);
}

Tensor hstack(TensorList tensors) {
  check_list("hstack", tensors);
  const std::vector<Tensor> list = atleast_1d(tensors);
  return cat(list, hstack_dim(list));
}
Tensor& hstack_out(Tensor& out, TensorList tensors) {
  check_list("hstack_out", tensors);
  const int64_t dim = tensors[0].dim() <= 1 ? 0 : 1;
  return join_out(
      "hstack_out", out, tensors, [](TensorList l) { return atleast_1d(l); }, dim);
}
Tensor vstack(TensorList tensors) {
  check_list("vstack", tensors);
  return cat(atleast_2d(tensors), 0);
}
Tensor& vstack_out(Tensor& out, TensorList tensors) {
  check_list("vstack_out", tensors);
  return join_out(
      "vstack_out", out, tensors, [](TensorList l) { return atleast_2d(l); }, 0);
}
Tensor dstack(TensorList tensors) {
  check_list("dstack", tensors);
  return cat(atleast_3d(tensors), 2);
}
Tensor& dstack_out(Tensor& out, TensorList tensors) {
  check_list("dstack_out", tensors);
  return join_out(
      "dstack_out", out, tensors, [](TensorList l) { return atleast_3d(l); }, 2);
}
Tensor column_stack(TensorList tensors) {
  check_list("column_stack", tensors);
  return cat(columns(tensors), 1);
}
Tensor& column_stack_out(Tensor& out, TensorList tensors) {
  check_list("column_stack_out", tensors);
  return join_out("column_stack_out", out, tensors, columns, 1);
}

Tensor block_diag(TensorList tensors) {
  check_list("block_diag", tensors, false);
  if (tensors.empty()) return empty({1, 0});
  ScalarType dtype = ScalarType::Undefined;
  ScalarType of_numbers = ScalarType::Undefined;
  std::vector<Dims> sizes;   // of each as a matrix
  std::vector<Dims> shapes;  // as it came
  std::vector<ScalarType> dtypes;
  Dims total{0, 0};
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    check_same_device("block_diag", tensors[0], t);
    EMBER_CHECK(t.dim() <= 2, "block_diag: expected tensors of at most 2 dimensions, got ", describe(t), " for tensor ",
                i);
    ScalarType& group = t.dim() == 0 ? of_numbers : dtype;  // those with dimensions decide first
    group = group == ScalarType::Undefined ? t.scalar_type() : promote_types(group, t.scalar_type());
    dtypes.push_back(t.scalar_type());
    shapes.push_back(Dims(t.sizes()));
    sizes.push_back(t.dim() == 2 ? Dims(t.sizes()) : Dims{1, t.numel()});
    EMBER_CHECK(!__builtin_add_overflow(total[0], sizes[i][0], &total[0]) &&
                    !__builtin_add_overflow(total[1], sizes[i][1], &total[1]),
                "block_diag: the size of the result overflows");
  }
  const auto category = [](ScalarType t) { return is_floating(t) ? 2 : t == kBool ? 0 : 1; };
  if (dtype == ScalarType::Undefined) {
    dtype = of_numbers;
  } else if (of_numbers != ScalarType::Undefined && category(of_numbers) > category(dtype)) {
    dtype = promote_types(dtype, of_numbers);
  }
  const Tensor y = zeros(total, TensorOptions(dtype).device(tensors[0].device()));
  // Where the block of tensor i is.
  const auto block = [sizes = std::move(sizes)](const Tensor& whole, size_t i) {
    int64_t row = 0;
    int64_t column = 0;
    for (size_t j = 0; j < i; ++j) {
      row += sizes[j][0];
      column += sizes[j][1];
    }
    return whole.narrow(0, row, sizes[i][0]).narrow(1, column, sizes[i][1]);
  };
  {
    const NoGradGuard unrecorded;
    for (size_t i = 0; i < tensors.size(); ++i) copy_contents(block(y, i), tensors[i]);
  }
  return record_list("BlockDiagBackward0", y, tensors,
                     [block, shapes = std::move(shapes), dtypes = std::move(dtypes)](size_t i, const Tensor& g) {
                       return as_dtype(block(g, i).reshape(shapes[i]), dtypes[i]);
                     });
}

// ---- dimensions of size 1 in front ----

Tensor atleast_1d(const Tensor& self) {
  check_defined("atleast_1d", self);
  return self.dim() == 0 ? self.reshape({1}) : self;
}
Tensor atleast_2d(const Tensor& self) {
  check_defined("atleast_2d", self);
  if (self.dim() == 0) return self.reshape({1, 1});
  return self.dim() == 1 ? self.unsqueeze(0) : self;
}
Tensor atleast_3d(const Tensor& self) {
  check_defined("atleast_3d", self);
  if (self.dim() == 0) return self.reshape({1, 1, 1});
  if (self.dim() == 1) return self.unsqueeze(0).unsqueeze(-1);
  return self.dim() == 2 ? self.unsqueeze(-1) : self;
}

namespace {
std::vector<Tensor> each(TensorList tensors, Tensor (*f)(const Tensor&)) {
  std::vector<Tensor> out;
  out.reserve(tensors.size());
  for (const Tensor& t : tensors) out.push_back(f(t));
  return out;
}
}  // namespace

std::vector<Tensor> atleast_1d(TensorList tensors) { return each(tensors, &atleast_1d); }
std::vector<Tensor> atleast_2d(TensorList tensors) { return each(tensors, &atleast_2d); }
std::vector<Tensor> atleast_3d(TensorList tensors) { return each(tensors, &atleast_3d); }

}  // namespace ember
