// In the place of a profiler: NVTX loads it where NVTX_INJECTION64_PATH names it, and it prints the ranges that are
// opened, with their payload. NVTX 3, nvtxTypes.h, "NvtxExportTableCallbacks".
#include <nvtx3/nvToolsExt.h>

#include <cstdio>

namespace {

int NVTX_API push(const nvtxEventAttributes_t* range) {
  const bool numbered = range->payloadType == NVTX_PAYLOAD_TYPE_UNSIGNED_INT64;
  std::printf("%s #%llu\n", range->message.ascii,
              numbered ? static_cast<unsigned long long>(range->payload.ullValue) : 0);
  return 0;
}

}  // namespace

extern "C" int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t table) {
  const auto* const callbacks = static_cast<const NvtxExportTableCallbacks*>(table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable functions = nullptr;
  unsigned count = 0;
  if (callbacks == nullptr || callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &functions, &count) == 0 ||
      count <= NVTX_CBID_CORE_RangePushEx) {
    return 0;
  }
  *functions[NVTX_CBID_CORE_RangePushEx] = reinterpret_cast<NvtxFunctionPointer>(&push);
  return 1;
}
