// The generated suites register their tests before GoogleTest lists or runs them.
#include "op_harness.h"

int main(int argc, char** argv) {
  ember::test::register_forward_tests();
  ember::test::register_gradient_tests();
  ember::test::register_error_tests();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
