/* "Did you mean": the nearest of the words that would have been right. */
#ifndef VS_BASE_SUGGEST_H
#define VS_BASE_SUGGEST_H

/* Returns the member of 'candidates' (ended by NULL) nearest to 'word', counting letters
 * inserted, deleted, replaced or swapped with their neighbour; upper and lower case are the
 * same.  The first of several as near wins.
 *
 * NULL when none is near enough to be a slip: more than three letters differ, or more than
 * one and a third of the longer word, or all of it. */
const char *vs_suggest(const char *word, const char *const *candidates);

/* "; there are a, b, c and 7 more": 'start' and the first of 'names' (ended by NULL), or ""
 * without any.  Newly allocated. */
char *vs_suggest_list(const char *start, const char *const *names);

#endif
