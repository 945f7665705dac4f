# Registers the checks of the source tree with CTest, where there is a Python to run them.
find_package(Python3 COMPONENTS Interpreter QUIET)
if(Python3_Interpreter_FOUND)
  add_test(NAME layering COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/check_layering.py ${PROJECT_SOURCE_DIR})
  add_test(NAME layering_self_test COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/check_layering.py --self-test)
  add_test(NAME compat_names COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/compat_names.py ${PROJECT_SOURCE_DIR})
else()
  message(STATUS "Ember: the layering check is left out, since there is no Python 3")
endif()
