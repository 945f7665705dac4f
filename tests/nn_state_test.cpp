// What outlives a program: archives, save() and load(), state dictionaries.
#include <cstring>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include <ember/autograd/grad_mode.h>
#include <ember/autograd/ivalue.h>
#include <ember/nn/nn.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {

using Names = std::vector<std::string>;

struct NetImpl : nn::Cloneable<NetImpl> {
  explicit NetImpl(int64_t hidden = 4) : hidden(hidden) { reset(); }
  void reset() override {
    scale = register_parameter("scale", full({1}, 2.0));
    count = register_buffer("count", full({2}, 3.0));
    body = register_module("body", nn::Sequential(nn::Linear(3, hidden), nn::Functional(relu)));
    head = register_module("head", nn::Linear(nn::LinearOptions(hidden, 1).bias(false)));
  }
  int64_t hidden;
  Tensor scale, count;
  nn::Sequential body = nullptr;
  nn::Linear head = nullptr;
};
EMBER_MODULE(Net);

std::string bytes_of(const serialize::OutputArchive& archive) {
  std::ostringstream out;
  archive.save_to(out);
  return out.str();
}

serialize::InputArchive read(const std::string& bytes) {
  serialize::InputArchive in;
  in.load_from(bytes.data(), bytes.size());
  return in;
}

void expect_same(const nn::Module& a, const nn::Module& b) {
  const auto from = a.state_dict(), to = b.state_dict();
  ASSERT_EQ(from.keys(), to.keys());
  for (const auto& [key, value] : from) EXPECT_TRUE(equal(value, to[key])) << key;
}

}  // namespace

TEST(Archive, tensors_of_every_dtype_and_layout) {
  serialize::OutputArchive out;
  std::vector<Tensor> tensors;
  for (const ScalarType t : {kU8, kI8, kI16, kI32, kI64, kF16, kF32, kF64, kBFloat16, kBool})
    tensors.push_back(tensor({0.0, 1.0, 3.0, 100.0}).to(t));
  const Tensor matrix = arange(6, kFloat32).view({2, 3});
  for (const Tensor& t :
       {matrix.t(), matrix.select(1, 1), matrix.select(0, 1).expand({4, 3}), zeros({2, 0, 3}), full({}, 5.0), Tensor()})
    tensors.push_back(t);
  for (size_t i = 0; i < tensors.size(); ++i) out.write(std::to_string(i), tensors[i]);
  auto in = read(bytes_of(out));
  EXPECT_EQ(in.keys().size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    Tensor t;
    in.read(std::to_string(i), t);
    ASSERT_EQ(t.defined(), tensors[i].defined()) << i;
    if (!t.defined()) continue;
    EXPECT_EQ(t.dtype(), tensors[i].dtype()) << i;
    EXPECT_TRUE(t.is_contiguous()) << i;
    EXPECT_TRUE(equal(t, tensors[i])) << i;
  }
}

TEST(Archive, values_and_nested_archives) {
  serialize::OutputArchive out, inner;
  inner.write("t", ones({2}));
  out.write("i", IValue(-7));
  out.write("d", IValue(2.5));
  out.write("b", IValue(true));
  out.write("s", IValue("text"));
  out.write("none", IValue());
  out.write("is", IValue(std::vector<int64_t>{1, -2}));
  out.write("ds", IValue(std::vector<double>{0.5}));
  out.write("ts", IValue(std::vector<Tensor>{ones({1}), zeros({2})}));
  out.write("scalar", IValue(Scalar(3)));
  out.write("inner", inner);
  out("called", ones({1}), true);
  out.write("replaced", IValue(1));
  out.write("replaced", zeros({1}));
  auto in = read(bytes_of(out));
  EXPECT_EQ(in.keys(), (Names{"i", "d", "b", "s", "none", "is", "ds", "ts", "scalar", "inner", "called", "replaced"}));
  IValue v;
  in.read("i", v);
  EXPECT_EQ(v.toInt(), -7);
  in.read("d", v);
  EXPECT_EQ(v.toDouble(), 2.5);
  in.read("b", v);
  EXPECT_TRUE(v.toBool());
  in.read("s", v);
  EXPECT_EQ(v.toStringRef(), "text");
  in.read("none", v);
  EXPECT_TRUE(v.isNone());
  in.read("is", v);
  EXPECT_EQ(v.toIntVector(), (std::vector<int64_t>{1, -2}));
  in.read("ds", v);
  EXPECT_EQ(v.toDoubleVector(), std::vector<double>{0.5});
  in.read("ts", v);
  EXPECT_EQ(v.toTensorVector()[1].numel(), 2);
  in.read("scalar", v);
  EXPECT_EQ(v.toInt(), 3);
  serialize::InputArchive nested;
  in.read("inner", nested);
  EXPECT_EQ(nested.keys(), Names{"t"});
  Tensor t;
  EXPECT_FALSE(in.try_read("x", t) || in.try_read("x", v) || in.try_read("x", nested) || in.try_read("i", nested));
  EXPECT_TRUE(in.try_read("called", t, true) && in.try_read("called", t) && in.try_read("replaced", t));
  EXPECT_ERROR(in.read("x", t), "there is no 'x'; a tensor was expected");
  EXPECT_ERROR(in.read("i", t), "'i' is a value, a tensor was expected");
  EXPECT_ERROR(nested.read("t", nested), "'inner.t' is a tensor, an archive was expected");
}

TEST(Archive, a_defined_tensor_takes_the_data) {
  serialize::OutputArchive out;
  out.write("x", ones({2, 3}).requires_grad_());
  auto in = read(bytes_of(out));
  Tensor fresh;
  in.read("x", fresh);
  EXPECT_TRUE(fresh.requires_grad() && fresh.is_leaf());
  Tensor old = zeros({5}), same = old;
  in.read("x", old);
  EXPECT_EQ(same.sizes(), IntArrayRef({2, 3}));
  EXPECT_FALSE(same.requires_grad());
  Tensor other = zeros({2, 3}, kFloat64);
  EXPECT_ERROR(in.read("x", other), "'x' is [2, 3] float32 cpu, it cannot be read into a tensor of [2, 3] float64");
}

TEST(Archive, through_files_streams_and_functions) {
  serialize::OutputArchive out;
  out.write("x", ones({3}));
  const std::string file = testing::TempDir() + "/ember_archive";
  out.save_to(file);
  serialize::InputArchive in;
  in.load_from(file);
  Tensor t;
  in.read("x", t);
  EXPECT_VALUES(t, {1, 1, 1}, 0);
  std::remove(file.c_str());
  EXPECT_ERROR(in.load_from(file), "cannot be read");
  EXPECT_ERROR(out.save_to("/no such folder/x"), "cannot be written");
  EXPECT_TRUE(in.try_read("x", t)) << "what was loaded before is still there";

  // Two in one stream, behind something else.
  std::stringstream stream;
  stream << "head";
  out.save_to(stream);
  serialize::OutputArchive second;
  second.write("y", zeros({1}));
  second.save_to(stream);
  stream.seekg(4);
  in.load_from(stream);
  EXPECT_EQ(in.keys(), Names{"x"});
  in.load_from(stream);
  EXPECT_EQ(in.keys(), Names{"y"});

  std::string bytes;
  out.save_to([&](const void* data, size_t count) {
    bytes.append(static_cast<const char*>(data), count);
    return count;
  });
  in.load_from(
      [&](uint64_t pos, void* to, size_t count) {
        count = std::min<size_t>(count, 5);  // in small pieces
        std::memcpy(to, bytes.data() + pos, count);
        return count;
      },
      [&] { return bytes.size(); });
  EXPECT_EQ(in.keys(), Names{"x"});
  EXPECT_ERROR(out.save_to([](const void*, size_t) { return size_t{0}; }), "could be written");
}

TEST(Archive, payloads_are_aligned_and_the_bytes_reproducible) {
  serialize::OutputArchive out;
  out.write("a", tensor({1.0f}));
  out.write("b", tensor({2.0f}));
  const std::string bytes = bytes_of(out);
  EXPECT_EQ(bytes, bytes_of(out));
  const float two = 2;
  EXPECT_EQ(std::memcmp(bytes.data() + bytes.size() - 4, &two, 4), 0);
  EXPECT_EQ((bytes.size() - 4) % 64, 0u);
}

TEST(Archive, damaged_ones_are_refused) {
  serialize::OutputArchive out, inner;
  inner.write("t", ones({2, 2}));
  out.write("x", ones({100}));
  out.write("s", IValue("some text"));
  out.write("inner", inner);
  const std::string good = bytes_of(out);
  EXPECT_ERROR(read(""), "too few");
  EXPECT_ERROR(read(std::string(100, 'x')), "not an archive");
  EXPECT_ERROR(read("PK\x03\x04" + std::string(100, ' ')), "not an archive");
  // Cut anywhere.
  for (size_t size = 0; size < good.size(); size += size < 200 ? 1 : 37)
    EXPECT_THROW(read(good.substr(0, size)), Error) << size;
  std::string other = good;
  other[8] = 9;
  EXPECT_ERROR(read(other), "version 9");
  // Any byte of the header and the index set to anything: an Error or an archive, and never more memory than there is.
  uint64_t index_size = 0;
  std::memcpy(&index_size, good.data() + 16, 8);
  for (size_t i = 0; i < 32 + index_size; ++i) {
    for (const int value : {0, 1, 0x7f, 0x80, 0xff}) {
      other = good;
      other[i] = static_cast<char>(value);
      try {
        read(other);
      } catch (const Error&) {
      }
    }
  }
  std::istringstream broken("EMBERARC");
  serialize::InputArchive in;
  EXPECT_ERROR(in.load_from(broken), "too few");
}

TEST(Archive, nesting_has_a_limit) {
  serialize::OutputArchive out;
  for (int i = 0; i < 1100; ++i) {
    serialize::OutputArchive outer;
    outer.write("in", out);
    out = std::move(outer);
  }
  EXPECT_ERROR(read(bytes_of(out)), "in one another");
}

TEST(Save, tensors) {
  std::stringstream stream;
  save(ones({2}).requires_grad_(), stream);
  Tensor t;
  load(t, stream);
  EXPECT_TRUE(t.requires_grad() && t.numel() == 2);
  std::stringstream list;
  save(std::vector<Tensor>{ones({1}), zeros({2})}, list);
  std::vector<Tensor> loaded{ones({3})};
  load(loaded, list);
  ASSERT_EQ(loaded.size(), 3u);
  EXPECT_EQ(loaded[2].numel(), 2);
}

TEST(Save, modules) {
  Net net, other;
  {
    NoGradGuard no_grad;
    net->count.fill_(8);
  }
  std::stringstream stream;
  save(net, stream);
  const Tensor weight = other->head->weight;
  load(other, stream);
  expect_same(*net, *other);
  EXPECT_TRUE(weight.is_same(other->head->weight) && weight.requires_grad() && weight.is_leaf());
  EXPECT_VALUES(other->count, {8, 8}, 0);
  // By shared_ptr, to a file, and from one device name.
  const std::string file = testing::TempDir() + "/ember_module";
  save(net.ptr(), file);
  auto third = std::make_shared<NetImpl>();
  load(third, file, Device(kCPU));
  expect_same(*net, *third);
  std::remove(file.c_str());
  // A child without parameters may be another; one that is missing may not.
  nn::Sequential wrong(nn::Linear(3, 4));
  stream.seekg(0);
  EXPECT_ERROR(load(wrong, stream), "there is no '0'");
  Net none = nullptr;
  EXPECT_ERROR(save(none, stream), "empty");
}

TEST(Save, containers) {
  nn::Sequential seq(nn::Linear(2, 3), nn::Functional(relu)), seq2(nn::Linear(2, 3), nn::Functional(relu));
  nn::ModuleList list(seq), list2(seq2);
  std::stringstream stream;
  save(list, stream);
  load(list2, stream);
  expect_same(*list, *list2);
  nn::ParameterDict dict, dict2;
  dict->insert("w", full({2}, 7.0));
  dict2->insert("w", zeros({2}));
  std::stringstream more;
  save(dict, more);
  load(dict2, more);
  EXPECT_VALUES(dict2["w"], {7, 7}, 0);
}

TEST(StateDict, has_parameters_and_buffers_by_name) {
  Net net;
  const auto state = net->state_dict();
  EXPECT_EQ(state.keys(), (Names{"scale", "count", "body.0.weight", "body.0.bias", "head.weight"}));
  EXPECT_FALSE(state["scale"].requires_grad());
  EXPECT_EQ(state["scale"].data_ptr(), net->scale.data_ptr());
}

TEST(StateDict, loads_values_in_place) {
  Net net, other;
  const Tensor weight = other->head->weight;
  void* const data = weight.data_ptr();
  const auto result = other->load_state_dict(net->state_dict());
  EXPECT_TRUE(result.missing_keys.empty() && result.unexpected_keys.empty());
  expect_same(*net, *other);
  EXPECT_EQ(weight.data_ptr(), data);
  EXPECT_TRUE(weight.requires_grad() && weight.is_leaf());
  other->to(kFloat64);
  other->load_state_dict(net->state_dict());
  EXPECT_EQ(other->scale.dtype(), kFloat64);
}

TEST(StateDict, tells_what_does_not_fit) {
  Net net, wide(7);
  const double before = values(net->head->weight)[0];
  EXPECT_ERROR(net->load_state_dict(wide->state_dict()),
               "'head.weight' is [1, 4] float32 cpu, the tensor for it is [1, 7]");
  EXPECT_ERROR(net->load_state_dict(wide->state_dict(), false), "body.0.weight");
  auto state = Net()->state_dict();
  state.erase("scale");
  state.insert("extra", ones({1}));
  EXPECT_ERROR(net->load_state_dict(state), "missing: scale");
  EXPECT_ERROR(net->load_state_dict(state), "unexpected: extra");
  EXPECT_EQ(values(net->head->weight)[0], before) << "nothing was copied";
  const auto result = net->load_state_dict(state, false);
  EXPECT_EQ(result.missing_keys, Names{"scale"});
  EXPECT_EQ(result.unexpected_keys, Names{"extra"});
  EXPECT_TRUE(equal(net->head->weight, state["head.weight"]));
}
