/* Whether indices are in range, compiled once per instruction set. */
#include "tensor/bounds.h"
#include "tensor/vector_math.h"

/* The signs of the distances to both ends, one of which is negative outside. */
static bool is_outside(const int64_t *at, int64_t n, int64_t low, int64_t high)
{
    int64_t signs = 0;

    for (int64_t i = 0; i < n; i++)
        signs |= (at[i] - low) | (high - at[i]);
    return signs < 0;
}

bounds_fn *const ISA_PASTE(bounds_, KERNEL_ISA) = is_outside;
