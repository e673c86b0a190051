// Everything that includes torch, as one translation unit: its headers cost ten seconds each time they are read.
#include "exchange.cpp"
#include "scripted.cpp"
#include "compiled.cpp"
#include "tensors.cpp"
#include "entries.cpp"
#include "model.cpp"
#include "evaluation.cpp"
#include "core.cpp"
