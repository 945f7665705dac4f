// The only file that includes oneDNN: its sgemm, and its matmul primitive with the plans of the last shapes kept, since
// making one costs as much as many products. Works with oneDNN 2 and 3, whose calls that describe a primitive differ.
#include <ember/cpu/onednn.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include <dnnl.h>
#include <omp.h>

#include <ember/core/check.h>
#include <ember/core/parallel.h>

namespace ember::cpu {

namespace {

void check(dnnl_status_t status, const LibraryProduct& p) {
  EMBER_CHECK(status == dnnl_success, "oneDNN failed with status ", static_cast<int>(status), " on [", p.m, ", ", p.k,
              "] x [", p.k, ", ", p.n, "]");
}

// Whether a matrix can be given with a leading dimension: its rows, or its columns when transposed, are dense.
bool has_leading_dimension(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  return (column_stride == 1 || columns == 1) && (row_stride >= std::max<int64_t>(1, columns) || rows == 1);
}

struct Factor {
  char transpose;
  dnnl_dim_t leading;
  Factor(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
    if (has_leading_dimension(rows, columns, row_stride, column_stride)) {
      transpose = 'N';
      leading = rows == 1 ? std::max<int64_t>(1, columns) : row_stride;
    } else {
      transpose = 'T';
      leading = columns == 1 ? std::max<int64_t>(1, rows) : column_stride;
    }
  }
};

// The library's threads are as many as OpenMP's in the calling thread.
void set_library_threads() {
  if (omp_get_max_threads() != get_num_threads()) omp_set_num_threads(get_num_threads());
}

dnnl_data_type_t data_type(ScalarType dtype) {
  return dtype == kBFloat16 ? dnnl_bf16 : dtype == kFloat16 ? dnnl_f16 : dnnl_f32;
}

template <class T, dnnl_status_t (*destroy)(T)>
class Handle {
 public:
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (value_ != nullptr) destroy(value_);
  }
  T* out() { return &value_; }
  T get() const { return value_; }

 private:
  T value_ = nullptr;
};
using Memory = Handle<dnnl_memory_t, dnnl_memory_destroy>;

// A matrix, or a row of n, described to the library.
class Description {
 public:
  Description(const LibraryProduct& p, dnnl_data_type_t type, int64_t rows, int64_t columns, int64_t row_stride,
              int64_t column_stride) {
    const Factor f(rows, columns, row_stride, column_stride);
    const dnnl_dims_t sizes = {rows, columns};
    const dnnl_dims_t strides = {f.transpose == 'N' ? f.leading : 1, f.transpose == 'N' ? 1 : f.leading};
#if DNNL_VERSION_MAJOR >= 3
    check(dnnl_memory_desc_create_with_strides(value_.out(), 2, sizes, type, strides), p);
#else
    check(dnnl_memory_desc_init_by_strides(&value_, 2, sizes, type, strides), p);
#endif
  }
#if DNNL_VERSION_MAJOR >= 3
  const_dnnl_memory_desc_t get() const { return value_.get(); }

 private:
  Handle<dnnl_memory_desc_t, dnnl_memory_desc_destroy> value_;
#else
  const dnnl_memory_desc_t* get() const { return &value_; }

 private:
  dnnl_memory_desc_t value_;
#endif
};

struct Key {
  int64_t m, n, k, a_row, a_column, b_row, b_column, out_row;
  int32_t type, biased, threads, unused;
  bool operator==(const Key& other) const { return std::memcmp(this, &other, sizeof(Key)) == 0; }
  size_t hash() const {
    uint64_t words[sizeof(Key) / 8], h = 0;
    std::memcpy(words, this, sizeof(Key));
    for (const uint64_t w : words) h = (h ^ w) * 0x9E3779B97F4A7C15u, h ^= h >> 29;
    return static_cast<size_t>(h);
  }
};

dnnl_engine_t engine() {
  // Never destroyed: plans of other threads may outlive the statics.
  static const dnnl_engine_t value = [] {
    dnnl_engine_t e = nullptr;
    const dnnl_status_t status = dnnl_engine_create(&e, dnnl_cpu, 0);
    EMBER_CHECK(status == dnnl_success, "oneDNN has no engine: status ", static_cast<int>(status));
    return e;
  }();
  return value;
}

// A primitive of one shape, with memory objects that are pointed at the operands of each call.
class Plan {
 public:
  Plan(const Key& key, const LibraryProduct& p, dnnl_data_type_t type) : key_(key) {
    const Description a(p, type, p.m, p.k, p.a_row_stride, p.a_column_stride);
    const Description b(p, type, p.k, p.n, p.b_row_stride, p.b_column_stride);
    const Description out(p, type, p.m, p.n, p.out_row_stride, 1);
    const Description bias(p, type, 1, p.n, p.n, 1);
    Handle<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy> desc;
    const auto bias_or_null = key.biased != 0 ? bias.get() : nullptr;
#if DNNL_VERSION_MAJOR >= 3
    check(dnnl_matmul_primitive_desc_create(desc.out(), engine(), a.get(), b.get(), bias_or_null, out.get(), nullptr),
          p);
#else
    dnnl_matmul_desc_t operation;
    check(dnnl_matmul_desc_init(&operation, a.get(), b.get(), bias_or_null, out.get()), p);
    check(dnnl_primitive_desc_create(desc.out(), &operation, nullptr, engine(), nullptr), p);
#endif
    check(dnnl_primitive_create(primitive_.out(), desc.get()), p);
    check(dnnl_stream_create(stream_.out(), engine(), dnnl_stream_default_flags), p);
    check(dnnl_memory_create(a_.out(), a.get(), engine(), nullptr), p);
    check(dnnl_memory_create(b_.out(), b.get(), engine(), nullptr), p);
    check(dnnl_memory_create(out_.out(), out.get(), engine(), nullptr), p);
    if (key.biased != 0) check(dnnl_memory_create(bias_.out(), bias.get(), engine(), nullptr), p);
  }

  bool is_for(const Key& key) const { return key_ == key; }

  void run(const LibraryProduct& p, const void* bias) {
    const auto point = [&](const Memory& memory, const void* data) {
      check(dnnl_memory_set_data_handle(memory.get(), const_cast<void*>(data)), p);
    };
    point(a_, p.a);
    point(b_, p.b);
    point(out_, p.out);
    dnnl_exec_arg_t args[4] = {
        {DNNL_ARG_SRC, a_.get()}, {DNNL_ARG_WEIGHTS, b_.get()}, {DNNL_ARG_DST, out_.get()}, {DNNL_ARG_BIAS, nullptr}};
    int count = 3;
    if (bias != nullptr) {
      point(bias_, bias);
      args[count++].memory = bias_.get();
    }
    check(dnnl_primitive_execute(primitive_.get(), stream_.get(), count, args), p);
    check(dnnl_stream_wait(stream_.get()), p);
  }

 private:
  Key key_;
  Handle<dnnl_primitive_t, dnnl_primitive_destroy> primitive_;
  Handle<dnnl_stream_t, dnnl_stream_destroy> stream_;
  Memory a_, b_, out_, bias_;
};

// A shape has two places, of which the one used longer ago is given up for a new shape.
class Plans {
 public:
  Plan& of(const Key& key, const LibraryProduct& p, dnnl_data_type_t type) {
    std::unique_ptr<Plan>* const places = plans_[key.hash() % kSets];
    if (places[0] == nullptr || !places[0]->is_for(key)) {
      if (places[1] == nullptr || !places[1]->is_for(key)) places[1] = std::make_unique<Plan>(key, p, type);
      places[0].swap(places[1]);
    }
    return *places[0];
  }

 private:
  static constexpr size_t kSets = 64;
  std::unique_ptr<Plan> plans_[kSets][2];
};

}  // namespace

bool is_plain(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  return has_leading_dimension(rows, columns, row_stride, column_stride) ||
         has_leading_dimension(columns, rows, column_stride, row_stride);
}

void library_sgemm(const LibraryProduct& p, float alpha, float beta) {
  set_library_threads();
  const Factor a(p.m, p.k, p.a_row_stride, p.a_column_stride);
  const Factor b(p.k, p.n, p.b_row_stride, p.b_column_stride);
  const dnnl_dim_t leading = p.m == 1 ? std::max<int64_t>(1, p.n) : p.out_row_stride;
  check(dnnl_sgemm(a.transpose, b.transpose, p.m, p.n, p.k, alpha, static_cast<const float*>(p.a), a.leading,
                   static_cast<const float*>(p.b), b.leading, beta, static_cast<float*>(p.out), leading),
        p);
}

namespace {

bool is_amd() {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

}  // namespace

bool library_takes(ScalarType dtype) {
  // With AMX, or bfloat16 with AMD's vector instructions. Intel's are not quicker than those for float32: on Sapphire
  // Rapids bfloat16's take twice as long as the conversion and the float32 product together.
#if DNNL_VERSION_MAJOR >= 3
  constexpr unsigned kFloat16Isa = dnnl_cpu_isa_avx512_core_amx_fp16;
#else
  constexpr unsigned kFloat16Isa = ~0u;  // none
#endif
  const auto has = [](unsigned isa) { return (static_cast<unsigned>(dnnl_get_effective_cpu_isa()) & isa) == isa; };
  static const bool bfloat16 = has(dnnl_cpu_isa_avx512_core_amx) || (is_amd() && has(dnnl_cpu_isa_avx512_core_bf16));
  static const bool float16 = has(kFloat16Isa);
  return dtype == kFloat32 || (dtype == kBFloat16 && bfloat16) || (dtype == kFloat16 && float16);
}

void library_matmul(ScalarType dtype, const LibraryProduct& p, const void* bias) {
  set_library_threads();
  thread_local const auto plans = std::make_unique<Plans>();  // large for thread-local memory
  const Key key{p.m,
                p.n,
                p.k,
                p.a_row_stride,
                p.a_column_stride,
                p.b_row_stride,
                p.b_column_stride,
                p.out_row_stride,
                static_cast<int32_t>(dtype),
                bias != nullptr,
                in_parallel_region() ? 1 : get_num_threads(),
                0};
  plans->of(key, p, data_type(dtype)).run(p, bias);
}

}  // namespace ember::cpu
