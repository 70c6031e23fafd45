/*
 * record.h: the parts of recording that the room's files share. Private to src/autograd.
 */
#ifndef SADDLE_AUTOGRAD_RECORD_H
#define SADDLE_AUTOGRAD_RECORD_H

#include "autograd/formula.h"

/* The node of a call: edges to the arguments' histories, what the row saves. A new reference. */
struct node *record_node(const struct op *op, const struct value *args);
/* Saves the results that the row wants; before they get their history. */
int record_results(struct node *node, struct tensor *const *out);
/* What autograd keeps with t, made on demand. NULL: no memory. */
struct autograd_meta *tensor_meta(struct tensor *t);
/* The node that gathers a leaf's gradient: the one that lives, or a new one. A new reference. */
struct node *leaf_node(struct tensor *t);
/* Whether a call leaves a node: gradients are on, and an input wants one. */
bool op_records(const struct op *op, const struct value *args);
/* The sequence that the next node will have. */
uint64_t node_next_sequence(void);
/* "AddBackward0". `number`: the argument, from 1 on, that was a Python number; 0: none was. */
const char *op_backward_name(const struct op *op, const struct value *args, int number);
/* The node whose backward is under way while anomalies are watched for, or NULL. */
extern struct node *node_running;
/* Whether next_functions lists the edge of an argument; `number` as above. */
bool op_edge_shown(const struct op *op, int argument, int number);
/* Has the rows of deprecated.def warn at their first call. */
void deprecated_init(void);
/* Parses all schemas and makes the in-place forms. */
void op_table_init(void);

#endif
