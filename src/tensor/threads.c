/* The number of threads, told to OpenMP and to OpenBLAS alike. */
#include "tensor/threads.h"

#include <cblas.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static int threads;

int tensor_threads(void)
{
    return threads ? threads : openblas_get_num_threads();
}

void tensor_set_threads(int count)
{
    threads = count < 1 ? 1 : count > THREADS_MOST ? THREADS_MOST : count;
#ifdef _OPENMP
    omp_set_num_threads(threads);
#endif
    openblas_set_num_threads(threads);
}
