/* run/conf_tree.h: what a place in the tree is; for conf.c and conf_read.c alone. */
#ifndef RUN_CONF_TREE_H
#define RUN_CONF_TREE_H

#include "run/conf.h"

enum node_kind { NODE_OTHER, NODE_GROUP, NODE_LIST, NODE_STR, NODE_INT, NODE_REAL, NODE_BOOL };

struct conf_node {
	str name, file;
	unsigned line;
	enum node_kind kind;
	str s;	   /* NODE_STR */
	int64_t i; /* NODE_INT, NODE_BOOL */
	double d;  /* NODE_REAL */
	const struct conf_node *parent;
	struct conf_node *kids;
	size_t nkids;
};

#endif
