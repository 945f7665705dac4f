#include "machine_test.h"

namespace emulator::test {

Program::Program(const std::string& parameters, const std::string& body, const std::string& before) {
  const std::string text = ".version 8.5\n.target sm_90\n.address_size 64\n.file 1 \"here.cu\"\n" + before +
                           "\n.visible .entry k(" + parameters +
                           ")\n{\n"
                           ".reg .pred %p<10>;\n.reg .b16 %h<20>;\n.reg .b32 %r<40>;\n.reg .f32 %f<20>;\n"
                           ".reg .b64 %d<40>;\n.reg .f64 %fd<20>;\n.reg .b32 %tid;\nmov.u32 %tid, %tid.x;\n" +
                           body + "\nret;\n}\n";
  kernel = find_kernel(load_text(text), "k");
}

testing::AssertionResult has(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    if (text.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "no '" << part << "' in '" << text << "'";
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace emulator::test
