#include <ember/autograd/ivalue.h>

namespace ember {

IValue::IValue() = default;
IValue::IValue(const IValue& other) = default;
IValue::IValue(IValue&& other) noexcept = default;
IValue& IValue::operator=(const IValue& other) = default;
IValue& IValue::operator=(IValue&& other) noexcept = default;
IValue::~IValue() = default;

IValue::IValue(bool v) : value_(v) {}
IValue::IValue(double v) : value_(v) {}
IValue::IValue(ScalarType v) : value_(static_cast<int64_t>(v)) {}
IValue::IValue(TypeMeta v) : IValue(v.toScalarType()) {}
IValue::IValue(Layout v) : value_(static_cast<int64_t>(v)) {}
IValue::IValue(MemoryFormat v) : value_(static_cast<int64_t>(v)) {}
IValue::IValue(std::string v) : value_(std::move(v)) {}
IValue::IValue(std::string_view v) : value_(std::string(v)) {}
IValue::IValue(const char* v) : value_(std::string(v)) {}
IValue::IValue(Tensor v) : value_(std::move(v)) {}
IValue::IValue(Device v) : value_(v) {}
IValue::IValue(DeviceType v) : value_(Device(v)) {}
IValue::IValue(Generator v) : value_(std::move(v)) {}
IValue::IValue(std::vector<int64_t> v) : value_(std::move(v)) {}
IValue::IValue(std::vector<double> v) : value_(std::move(v)) {}
IValue::IValue(std::vector<bool> v) : value_(std::move(v)) {}
IValue::IValue(std::vector<Tensor> v) : value_(std::move(v)) {}
IValue::IValue(IntArrayRef v) : value_(v.vec()) {}
IValue::IValue(TensorList v) : value_(v.vec()) {}
IValue::IValue(List v) : value_(std::make_shared<const List>(std::move(v))) {}
IValue::IValue(Dict v) : value_(std::make_shared<const Dict>(std::move(v))) {}
IValue::IValue(const std::vector<int>& v) : IValue(std::vector<int64_t>(v.begin(), v.end())) {}
IValue::IValue(const std::vector<float>& v) : IValue(std::vector<double>(v.begin(), v.end())) {}

}  // namespace ember
