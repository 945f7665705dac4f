// Every public operation as a free function, by subject. Meaning, arguments and errors are those of PyTorch's
// documentation of the same name; each records its gradient where it has one. A name with a trailing `_` works in
// place on its first argument; one with `_out` writes its result into its first argument, which is resized to it and
// must have a dtype that the result converts to, and records nothing.
#pragma once

#include <ember/autograd/functions/activation.h>
#include <ember/autograd/functions/compare.h>
#include <ember/autograd/functions/creation.h>
#include <ember/autograd/functions/elementwise.h>
#include <ember/autograd/functions/index.h>
#include <ember/autograd/functions/linalg.h>
#include <ember/autograd/functions/linalg_namespace.h>
#include <ember/autograd/functions/loss.h>
#include <ember/autograd/functions/operators.h>
#include <ember/autograd/functions/random.h>
#include <ember/autograd/functions/reduce.h>
#include <ember/autograd/functions/shape.h>
#include <ember/autograd/functions/sort.h>
