// nn::functional: the layers as functions. Each is declared beside its module.
#pragma once

#include <ember/nn/activation.h>
#include <ember/nn/dropout.h>
#include <ember/nn/linear.h>
#include <ember/nn/loss.h>
#include <ember/nn/normalization.h>
