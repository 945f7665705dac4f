// Graphs that captures have made. A launch is one operation of its stream.
#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>

#include "runtime_state.h"

namespace emulator {

namespace {

std::shared_ptr<const Work> work_of(const Graph& graph) {
  auto work = std::make_shared<Work>();
  work->name = "graph of " + std::to_string(graph.nodes->size());
  work->graph = graph.nodes;
  return work;
}

std::string readable(const std::string& name) {
  char* const demangled = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, nullptr);
  std::string text = demangled != nullptr ? demangled : name;
  std::free(demangled);
  for (size_t at = 0; (at = text.find_first_of("\"\\", at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

void print_nodes(std::FILE* file, const Nodes& nodes) {
  std::fprintf(file, "digraph graph_1 {\n");
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Work& work = nodes[i].work;
    std::fprintf(file, "  node_%zu [shape=\"%s\" label=\"%zu\\n%s\"];\n", i, work.graph ? "box" : "ellipse", i,
                 readable(work.name).c_str());
    for (const size_t before : nodes[i].after) std::fprintf(file, "  node_%zu -> node_%zu;\n", before, i);
  }
  std::fprintf(file, "}\n");
}

void instantiate(cudaGraphExec_t* executable, cudaGraph_t graph) {
  if (executable == nullptr) fail(cudaErrorInvalidValue);
  auto made = std::make_shared<Executable>();
  made->work = work_of(*runtime().graph_handles.at(graph));
  *executable = static_cast<cudaGraphExec_t>(runtime().executable_handles.add(std::move(made)));
}

void launch(Lock& lock, cudaGraphExec_t handle, const StreamPtr& stream) {
  const std::shared_ptr<Executable> executable = runtime().executable_handles.at(handle);
  check_implicit(*stream, true);
  if (stream->capture) return add_node(*stream, *executable->work);
  std::vector<OperationPtr> needs;
  if (executable->last) needs.push_back(std::move(executable->last));
  executable->last = enqueue(lock, stream, executable->work, std::move(needs));
}

}  // namespace

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return call([&](Lock&) { instantiate(executable, graph); });
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return call([&](Lock&) { instantiate(executable, graph); });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call([&](Lock& lock) { launch(lock, executable, stream_of(stream)); });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call([&](Lock&) { runtime().graph_handles.take(graph); });
}

// Launches that have not run yet keep what they run.
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call([&](Lock&) { runtime().executable_handles.take(executable); });
}

// The number of nodes; they have no handles.
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return call([&](Lock&) {
    if (nodes != nullptr) fail(cudaErrorNotSupported);
    *count = runtime().graph_handles.at(graph)->nodes->size();
  });
}

cudaError_t cudaGraphDebugDotPrint(cudaGraph_t graph, const char* path, unsigned) {
  return call([&](Lock&) {
    const std::shared_ptr<Graph> printed = runtime().graph_handles.at(graph);
    std::FILE* const file = std::fopen(path, "w");
    if (file == nullptr) fail(cudaErrorOperatingSystem);
    print_nodes(file, *printed->nodes);
    std::fclose(file);
  });
}
}
