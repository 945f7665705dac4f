// The programs of the first release, each run as a test on every device there is.
#pragma once

#include <gtest/gtest.h>

#include <ember/core/backend.h>

namespace programs {

class OnDevice : public testing::TestWithParam<ember::DeviceType> {
 protected:
  void SetUp() override {
    if (device().is_cuda() && !ember::cuda::is_available()) GTEST_SKIP() << ember::cuda::why_unavailable();
  }
  ember::Device device() const { return ember::Device(GetParam()); }
};

// Each program in its suite: Suite/OnDevice.Name/cpu.
#define EMBER_ON_EVERY_DEVICE(suite) \
  INSTANTIATE_TEST_SUITE_P(Programs, suite, testing::Values(ember::kCPU, ember::kCUDA), \
                           [](const auto& info) { return info.param == ember::kCPU ? "cpu" : "cuda"; })

}  // namespace programs
