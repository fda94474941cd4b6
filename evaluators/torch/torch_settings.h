// What all that uses torch in a process asks of it.
#ifndef LATHE_EVALUATORS_TORCH_TORCH_SETTINGS_H_
#define LATHE_EVALUATORS_TORCH_TORCH_SETTINGS_H_

namespace lathe {

// Lets torch and the BLAS use the calling thread alone, and torch its own kernels where it has
// them: oneDNN's go by the sizes of a machine's caches, and sums differ with them. Call it on every
// thread that uses torch.
void UseTorchOnThisThread();

}  // namespace lathe

#endif  // LATHE_EVALUATORS_TORCH_TORCH_SETTINGS_H_
