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

int tensor_team_size(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

int tensor_team_member(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}
