// Everything.
#pragma once

#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/gradcheck.h>
#include <ember/autograd/graphviz.h>
#include <ember/core/backend.h>
#include <ember/core/logging.h>
#include <ember/core/parallel.h>
#include <ember/core/stream.h>
#include <ember/core/tensor.h>
#include <ember/nn/nn.h>
#include <ember/optim/optim.h>
