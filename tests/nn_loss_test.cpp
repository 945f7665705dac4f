// Losses. Golden numbers come from PyTorch 2.x on the CPU.
#include <memory>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/nn/nn.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

using Names = std::vector<std::string>;

TEST(MSELoss, reductions) {
  const Tensor x = tensor({1.0, 2.0, 4.0}, kFloat64), y = tensor({0.0, 2.0, 1.0}, kFloat64);
  EXPECT_VALUES(nn::MSELoss()(x, y), {10.0 / 3}, 1e-12);
  EXPECT_VALUES(nn::MSELoss(kSum)(x, y), {10}, 1e-12);
  EXPECT_VALUES(nn::MSELoss(nn::MSELossOptions().reduction(kNone))(x, y), {1, 0, 9}, 1e-12);
  EXPECT_VALUES(nn::functional::mse_loss(x, y, kSum), {10}, 1e-12);
  x.requires_grad_();
  nn::MSELoss()(x, y).backward();
  EXPECT_VALUES(x.grad(), {2.0 / 3, 0, 2}, 1e-12);
}

namespace {
struct CrossEntropyCase {
  const char* name;
  nn::CrossEntropyLossOptions options;
  Tensor target;
  std::vector<double> loss, grad;
};
}  // namespace

TEST(CrossEntropyLoss, agrees_with_pytorch) {
  const Tensor y = tensor({3, 0, 1}), ignoring = tensor({3, -100, 1});
  const Tensor w = tensor({0.5, 1.0, 2.0, 0.25}, kFloat64);
  const Tensor p = tensor({{0.1, 0.2, 0.3, 0.4}, {0.7, 0.1, 0.1, 0.1}, {0.0, 0.5, 0.25, 0.25}}, kFloat64);
  using O = nn::CrossEntropyLossOptions;
  const CrossEntropyCase cases[] = {
      {"mean",
       O(),
       y,
       {0.90803942684911954},
       {0.034875726741230892, 0.0077818264930637222, 0.05750035250939263, -0.10015790574368721, -0.16663119805587717,
        0.050209718258974696, 0.024933408194914037, 0.091488071601988422, 0.0076546324472996138, -0.27082430415043113,
        0.093252513560632383, 0.16991715814249914}},
      {"sum",
       O().reduction(kSum),
       y,
       {2.7241182805473585},
       {0.10462718022369268, 0.023345479479191168, 0.1725010575281779, -0.30047371723106164, -0.49989359416763157,
        0.1506291547769241, 0.074800224584742114, 0.27446421480596528, 0.022963897341898843, -0.81247291245129349,
        0.27975754068189718, 0.50975147442749746}},
      {"none",
       O().reduction(kNone),
       y,
       {0.35735191193138183, 0.69293439153639869, 1.673831977079578},
       {0.10462718022369268, 0.023345479479191168, 0.1725010575281779, -0.30047371723106164, -0.49989359416763157,
        0.1506291547769241, 0.074800224584742114, 0.27446421480596528, 0.022963897341898843, -0.81247291245129349,
        0.27975754068189718, 0.50975147442749746}},
      {"weight",
       O().weight(w),
       y,
       {1.2055069433317844},
       {0.014946740031956096, 0.0033350684970273096, 0.024643008218311127, -0.042924816747294516, -0.14282674119075187,
        0.043036901364835456, 0.021371492738497744, 0.078418347087418641, 0.013122227052513624, -0.46427023568645337,
        0.15986145181822695, 0.2912865568157128}},
      {"weight, ignored target, smoothing",
       O().weight(w).label_smoothing(0.1),
       ignoring,
       {1.5648211593207666},
       {0.016679930957041633, -0.014046902732806253, 0.0039877696696853657, -0.0066207978939207138, 0, 0, 0, 0,
        0.0082562983868095813, -0.59091596539877822, 0.18240724484210827, 0.40025242216986051}},
      {"ignored target",
       O(),
       ignoring,
       {1.01559194450548},
       {0.052313590111846338, 0.011672739739595584, 0.086250528764088952, -0.15023685861553082, 0, 0, 0, 0,
        0.011481948670949422, -0.40623645622564675, 0.13987877034094859, 0.25487573721374873}},
      {"ignore_index",
       O().ignore_index(0),
       tensor({3, 0, 0}),
       {0.35735191193138183},
       {0.10462718022369268, 0.023345479479191168, 0.1725010575281779, -0.30047371723106164, 0, 0, 0, 0, 0, 0, 0, 0}},
      {"smoothing",
       O().label_smoothing(0.2),
       y,
       {1.0930394268491195},
       {0.018209060074564222, -0.0088848401736029443, 0.040833685842725967, -0.050157905743687219, -0.1166311980558772,
        0.033543051592308026, 0.0082667415282473705, 0.074821404935321759, -0.0090120342193670527, -0.22082430415043114,
        0.07658584689396572, 0.15325049147583247}},
      {"smoothing, weight, sum",
       O().label_smoothing(0.2).weight(w).reduction(kSum),
       y,
       {2.8134818982671281},
       {0.015543032336680918, -0.040953626701813427, -0.033155840207831057, 0.058566434572963635, -0.13118748657348359,
        0.038494628431442905, -0.056054868056464015, 0.1487477261985046, -0.0023231513748748927, -0.66481700104565233,
        0.17626057142337348, 0.49087958099715379}},
      {"smoothing, weight, ignored target, none",
       O().label_smoothing(0.2).weight(w).reduction(kNone),
       ignoring,
       {0.49597386587341052, 0, 1.6529090773660835},
       {0.015543032336680918, -0.040953626701813427, -0.033155840207831057, 0.058566434572963635, 0, 0, 0, 0,
        -0.0023231513748748927, -0.66481700104565233, 0.17626057142337348, 0.49087958099715379}},
      {"probabilities",
       O(),
       p,
       {1.3447060935157864},
       {0.0015423934078975629, -0.058884840173602945, -0.042499647490607348, 0.099842094256312811, -0.06663119805587718,
        0.016876384925641363, -0.0083999251384192959, 0.058154738268655089, 0.0076546324472996138, -0.10415763748376447,
        0.0099191802272990577, 0.086583824809165821}},
      {"probabilities, weight, smoothing",
       O().weight(w).label_smoothing(0.1),
       p,
       {1.5235771481477851},
       {0.013921679079076143, -0.060950325448039119, -0.14211320722338042, 0.18914185359234345, 0.0077332056966494646,
        -0.0031237684042273281, -0.059182114169983202, 0.054572676877561052, 0.0038706974029979278,
        -0.092698852691286041, -0.068751527428002654, 0.15757968271629078}},
  };
  for (const CrossEntropyCase& c : cases) {
    SCOPED_TRACE(c.name);
    const Tensor x = tensor({{0.2, -1.3, 0.7, 2.1}, {1.5, 0.3, -0.4, 0.9}, {-2.0, 0.1, 0.5, 1.1}},
                            TensorOptions(kFloat64).requires_grad(true));
    nn::CrossEntropyLoss module(c.options);
    const Tensor loss = module(x, c.target);
    EXPECT_VALUES(loss, c.loss, 1e-12);
    loss.sum().backward();
    EXPECT_VALUES(x.grad(), c.grad, 1e-12);
    EXPECT_TRUE(equal(nn::functional::cross_entropy(x, c.target, c.options), loss));
  }
}

TEST(CrossEntropyLoss, is_nll_loss_of_log_softmax) {
  const Tensor x = tensor({{0.2, -1.3, 0.7, 2.1}, {1.5, 0.3, -0.4, 0.9}, {-2.0, 0.1, 0.5, 1.1}}, kFloat64);
  const Tensor y = tensor({3, 0, 1}), w = tensor({0.5, 1.0, 2.0, 0.25}, kFloat64);
  const Tensor loss = nn::NLLLoss(nn::NLLLossOptions().weight(w))(log_softmax(x, 1), y);
  EXPECT_VALUES(loss, {1.2055069433317844}, 1e-12);
  EXPECT_TRUE(equal(nn::functional::nll_loss(log_softmax(x, 1), y, nn::NLLLossOptions().weight(w)), loss));
}

TEST(CrossEntropyLoss, the_weight_is_a_buffer_and_bad_input_throws) {
  nn::CrossEntropyLoss loss(nn::CrossEntropyLossOptions().weight(ones({4})));
  EXPECT_EQ(loss->named_buffers().keys(), Names{"weight"});
  loss->to(kFloat64);
  EXPECT_EQ(loss->weight.dtype(), kFloat64);
  EXPECT_EQ(loss->options.weight().dtype(), kFloat32);
  const auto copy = std::dynamic_pointer_cast<nn::CrossEntropyLossImpl>(loss->clone());
  EXPECT_TRUE(equal(copy->weight, loss->weight));
  EXPECT_NE(copy->weight.data_ptr(), loss->weight.data_ptr());
  EXPECT_TRUE(copy->weight.is_same(copy->buffers()[0]));
  EXPECT_EQ(nn::CrossEntropyLoss()->buffers().size(), 0u);
  EXPECT_THROW(nn::CrossEntropyLoss()(ones({2, 3}), tensor({0, 3})), Error);
  EXPECT_THROW(nn::CrossEntropyLoss()(ones({2, 3}), tensor({0, 1, 2})), Error);
  EXPECT_THROW(nn::CrossEntropyLoss(nn::CrossEntropyLossOptions().weight(ones({2})))(ones({2, 3}), tensor({0, 1})),
               Error);
  EXPECT_THROW(nn::CrossEntropyLoss(nn::CrossEntropyLossOptions().label_smoothing(1.5))(ones({2, 3}), tensor({0, 1})),
               Error);
}

TEST(Enum, tags_have_names) {
  EXPECT_EQ(enumtype::get_enum_name(nn::MSELossOptions(kSum).reduction()), "kSum");
  EXPECT_EQ(enumtype::get_enum_name(nn::MSELossOptions().reduction()), "kMean");
}
