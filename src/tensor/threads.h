/*
 * threads.h: how many threads the engine uses, for its own loops (OpenMP) and for BLAS.
 */
#ifndef SADDLE_TENSOR_THREADS_H
#define SADDLE_TENSOR_THREADS_H

enum { THREADS_MOST = 256 };

/* The number that was set; before that, what BLAS found to be the machine's. */
int tensor_threads(void);
void tensor_set_threads(int count); /* 1 to THREADS_MOST; what lies outside is cut */

/* For loops whose threads have memory of their own: how many a parallel loop has at most, and which
 * of them, from 0 on, the caller is. */
int tensor_team_size(void);
int tensor_team_member(void);

#endif
