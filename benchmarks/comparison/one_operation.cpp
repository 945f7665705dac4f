// The smallest program: what it costs to link it, to start it, and to hold it in memory. Prints its result, and the
// most memory in kB that it held.
#include <torch/torch.h>

#include <fstream>
#include <iostream>
#include <string>

int main() {
  std::cout << (torch::ones({2, 2}) + torch::ones({2, 2})).sum().item<float>() << '\n';
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) std::cout << line.substr(6) << '\n';
  }
}
