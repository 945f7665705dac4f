// Printing, to the letter as LibTorch's operator<<: what is expected here is its output.
#include <cmath>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>

#include "values.h"

namespace {

using namespace ember;
using test::printed;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Print, Floats) {
  EXPECT_EQ(printed(tensor({{1.0, 2.0}, {3.0, 4.5}})), " 1.0000  2.0000\n 3.0000  4.5000\n[ CPUFloatType{2,2} ]");
  EXPECT_EQ(printed(tensor({1.5, 1000.25})), "    1.5000\n 1000.2500\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({9999.5, 1.0})), " 9999.5000\n    1.0000\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({99999.5, 1.0})), " 99999.5000\n     1.0000\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({12345.678})), " 12345.6777\n[ CPUFloatType{1} ]");
  EXPECT_EQ(printed(tensor({{0.5}, {12.75}})), "  0.5000\n 12.7500\n[ CPUFloatType{2,1} ]");
  EXPECT_EQ(printed(tensor({-1.5, -2.25})), "-1.5000\n-2.2500\n[ CPUFloatType{2} ]");
}

TEST(Print, FloatsThatAreIntegers) {
  EXPECT_EQ(printed(tensor({1.0, 2.0, 3.0})), " 1\n 2\n 3\n[ CPUFloatType{3} ]");
  EXPECT_EQ(printed(ones({2, 3})), " 1  1  1\n 1  1  1\n[ CPUFloatType{2,3} ]");
  EXPECT_EQ(printed(tensor({0.0, -0.0})), " 0\n-0\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({100000.0, 1.0})), " 100000\n      1\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({1000000.0, 1.0})), "   1e+06\n       1\n[ CPUFloatType{2} ]");
}

TEST(Print, FarApart) {
  EXPECT_EQ(printed(tensor({1e-3, 1.0, 1e5})), " 1.0000e-03\n 1.0000e+00\n 1.0000e+05\n[ CPUFloatType{3} ]");
  EXPECT_EQ(printed(tensor({1e-10, 1.0})), " 1.0000e-10\n 1.0000e+00\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({1e10, 1.0})), " 1.0000e+10\n 1.0000e+00\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({100000.5, 2.0})), " 1.0000e+05\n 2.0000e+00\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({{0.00001, 0.00002}, {0.00003, 0.1}})),
            " 1.0000e-05  2.0000e-05\n 3.0000e-05  1.0000e-01\n[ CPUFloatType{2,2} ]");
  EXPECT_EQ(printed(tensor({3.4e38, 1.0})), " 3.4000e+38\n 1.0000e+00\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({1e20, 1e19})), " 1.0000e+20\n 1.0000e+19\n[ CPUFloatType{2} ]");
  EXPECT_EQ(printed(tensor({1e-20, 1e-19})), "1e-20 *\n 1.0000\n10.0000\n[ CPUFloatType{2} ]");
}

TEST(Print, NotNumbers) {
  EXPECT_EQ(printed(tensor({kNan, kInf, 1.0f})), "nan\ninf\n 1\n[ CPUFloatType{3} ]");
  EXPECT_EQ(printed(tensor({kNan, -kInf, 1.5f})), "    nan\n   -inf\n 1.5000\n[ CPUFloatType{3} ]");
  EXPECT_EQ(printed(tensor({kNan, kNan})), "nan\nnan\n[ CPUFloatType{2} ]");
}

TEST(Print, OtherDtypes) {
  EXPECT_EQ(printed(tensor({1, 2, 3})), " 1\n 2\n 3\n[ CPULongType{3} ]");
  EXPECT_EQ(printed(tensor({-1, 200, 3})), "  -1\n 200\n   3\n[ CPULongType{3} ]");
  EXPECT_EQ(printed(tensor({int64_t{1}, int64_t{1234567890123}})), " 1.0000e+00\n 1.2346e+12\n[ CPULongType{2} ]");
  EXPECT_EQ(printed(tensor({true, false})), " 1\n 0\n[ CPUBoolType{2} ]");
  EXPECT_EQ(printed(tensor({{true}, {false}})), " 1\n 0\n[ CPUBoolType{2,1} ]");
  EXPECT_EQ(printed(tensor({1, -2}, kInt8)), " 1\n-2\n[ CPUCharType{2} ]");
  EXPECT_EQ(printed(tensor({1, 255}, kUInt8)), "   1\n 255\n[ CPUByteType{2} ]");
  EXPECT_EQ(printed(tensor({1, -300}, kInt16)), "   1\n-300\n[ CPUShortType{2} ]");
  EXPECT_EQ(printed(tensor({1, -2}, kInt32)), " 1\n-2\n[ CPUIntType{2} ]");
  EXPECT_EQ(printed(tensor({1.25, 2.5}, kFloat64)), " 1.2500\n 2.5000\n[ CPUDoubleType{2} ]");
  EXPECT_EQ(printed(tensor({1.25, 2.5}, kFloat16)), " 1.2500\n 2.5000\n[ CPUHalfType{2} ]");
  EXPECT_EQ(printed(tensor({1.25, 2.5}, kBFloat16)), " 1.2500\n 2.5000\n[ CPUBFloat16Type{2} ]");
}

TEST(Print, ZeroDimensionsAndEmpty) {
  EXPECT_EQ(printed(tensor(3.5)), "3.5\n[ CPUFloatType{} ]");
  EXPECT_EQ(printed(tensor(7)), "7\n[ CPULongType{} ]");
  EXPECT_EQ(printed(tensor(true)), "1\n[ CPUBoolType{} ]");
  EXPECT_EQ(printed(tensor(2.0, kFloat64)), "2\n[ CPUDoubleType{} ]");
  EXPECT_EQ(printed(tensor(1e10)), "10000000000\n[ CPUFloatType{} ]");
  EXPECT_EQ(printed(tensor(0.1)), "0.10000000149011612\n[ CPUFloatType{} ]");
  EXPECT_EQ(printed(empty({0})), "[ CPUFloatType{0} ]");
  EXPECT_EQ(printed(empty({2, 0})), "[ CPUFloatType{2,0} ]");
  EXPECT_EQ(printed(zeros({0, 3}, kInt64)), "[ CPULongType{0,3} ]");
  EXPECT_EQ(printed(Tensor()), "[ Tensor (undefined) ]");
}

TEST(Print, ManyDimensions) {
  EXPECT_EQ(printed(arange(12).view({2, 2, 3})),
            "(1,.,.) = \n 0  1  2\n  3  4  5\n\n(2,.,.) = \n  6   7   8\n   9  10  11\n[ CPULongType{2,2,3} ]");
  EXPECT_EQ(printed(arange(8, kFloat32).view({2, 2, 2}) / 4),
            "(1,.,.) = \n 0.0000  0.2500\n  0.5000  0.7500\n\n(2,.,.) = \n 1.0000  1.2500\n  1.5000  1.7500\n"
            "[ CPUFloatType{2,2,2} ]");
  EXPECT_EQ(printed(arange(4, kFloat32).view({1, 1, 2, 2})), "(1,1,.,.) = \n 0  1\n  2  3\n[ CPUFloatType{1,1,2,2} ]");
}

// The first dimension goes the fastest.
TEST(Print, OrderOfMatrices) {
  EXPECT_EQ(printed(arange(4).view({2, 2, 1, 1})),
            "(1,1,.,.) = \n 0\n\n(2,1,.,.) = \n 2\n\n(1,2,.,.) = \n 1\n\n(2,2,.,.) = \n 3\n[ CPULongType{2,2,1,1} ]");
}

// One number is written with the fewest digits that give it back.
TEST(Print, OneNumber) {
  for (const auto& [value, text] : std::vector<std::pair<double, std::string>>{{0.1, "0.1"},
                                                                               {1e15, "1000000000000000"},
                                                                               {1e16, "1e+16"},
                                                                               {1e-4, "0.0001"},
                                                                               {1e-5, "1e-05"},
                                                                               {5e-324, "5e-324"},
                                                                               {1.0 / 3, "0.3333333333333333"},
                                                                               {-2.5, "-2.5"},
                                                                               {kNan, "nan"},
                                                                               {-kInf, "-inf"}}) {
    EXPECT_EQ(printed(tensor(value, kFloat64)), text + "\n[ CPUDoubleType{} ]");
  }
}

TEST(Print, LinesOfALength) {
  std::ostringstream out;
  print(out, ones({2, 4}), 9);
  EXPECT_EQ(out.str(), "Columns 1 to 3 1  1  1\n 1  1  1\n\nColumns 4 to 4 1\n 1\n[ CPUFloatType{2,4} ]");
}

TEST(Print, WideMatrices) {
  EXPECT_EQ(printed(arange(100, 130).view({1, 30})),
            "Columns 1 to 16 100  101  102  103  104  105  106  107  108  109  110  111  112  113  114  115\n\n"
            "Columns 17 to 30 116  117  118  119  120  121  122  123  124  125  126  127  128  129\n"
            "[ CPULongType{1,30} ]");
  EXPECT_EQ(printed((arange(52, kFloat32) / 3).view({2, 26})),
            "Columns 1 to 8  0.0000   0.3333   0.6667   1.0000   1.3333   1.6667   2.0000   2.3333\n"
            "  8.6667   9.0000   9.3333   9.6667  10.0000  10.3333  10.6667  11.0000\n\n"
            "Columns 9 to 16  2.6667   3.0000   3.3333   3.6667   4.0000   4.3333   4.6667   5.0000\n"
            " 11.3333  11.6667  12.0000  12.3333  12.6667  13.0000  13.3333  13.6667\n\n"
            "Columns 17 to 24  5.3333   5.6667   6.0000   6.3333   6.6667   7.0000   7.3333   7.6667\n"
            " 14.0000  14.3333  14.6667  15.0000  15.3333  15.6667  16.0000  16.3333\n\n"
            "Columns 25 to 26  8.0000   8.3333\n 16.6667  17.0000\n[ CPUFloatType{2,26} ]");
}

TEST(Print, StridedAndRecorded) {
  EXPECT_EQ(printed(arange(6).view({2, 3}).t()), " 0  3\n 1  4\n 2  5\n[ CPULongType{3,2} ]");
  EXPECT_EQ(printed(ones({2}).requires_grad_()), " 1\n 1\n[ CPUFloatType{2} ]");
}

// Printing must not leave its format in the stream.
TEST(Print, LeavesTheStreamAsItWas) {
  std::ostringstream out;
  out << 1234567.0 << "|";
  out << tensor({1.5, 2.25}) << "|";
  out << 1234567.0;
  EXPECT_EQ(out.str(), "1.23457e+06| 1.5000\n 2.2500\n[ CPUFloatType{2} ]|1.23457e+06");
}

TEST(Print, OtherTypes) {
  EXPECT_EQ(printed(kFloat32), "Float");
  EXPECT_EQ(printed(kInt64), "Long");
  EXPECT_EQ(printed(Device("cuda:1")), "cuda:1");
  EXPECT_EQ(printed(Device(kCPU)), "cpu");
  EXPECT_EQ(printed(IntArrayRef({1, 2})), "[1, 2]");
  EXPECT_EQ(ones({2}).toString(), "CPUFloatType");
  EXPECT_NE(printed(TensorOptions(kFloat64).requires_grad(true)).find("double"), std::string::npos);
  EXPECT_EQ(describe(zeros({2, 3})), "[2, 3] float32 cpu");
  EXPECT_EQ(describe(Tensor()), "undefined");
}

}  // namespace
