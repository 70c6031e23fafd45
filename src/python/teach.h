/*
 * teach.h: teaching messages: warnings about the traps that everyone falls into who learns this.
 *
 * Each is given once in the life of the process, names the user's line as every warning does, and
 * says what to do. The other two traps, .grad of a tensor that is no leaf and scheduler.step()
 * before optimizer.step(), have warnings in PyTorch itself, which are given in its words where they
 * arise.
 */
#ifndef SADDLE_PYTHON_TEACH_H
#define SADDLE_PYTHON_TEACH_H

/* An optimizer steps along gradients that it has used before, because backward() has added to them
 * and nothing has cleared them. 0, or -1 with an exception where warnings are errors. */
int teach_zero_grad(void);

/* To be called when a backward has failed: where it went through a graph a second time, the remedy
 * is added to PyTorch's error as a warning. The exception that is set stays. */
void teach_second_backward(void);

#endif
