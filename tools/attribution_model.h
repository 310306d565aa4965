#pragma once
/* The attribution models that look at all journeys together. Channels are numbered 0 … count - 1.
 * A journey is the list of an actor's touches that led to one conversion, or to none. */
#include <stddef.h>

/* Steps between the states of a journey: `count` channels, then the start, then the conversion,
 * then its absence. The matrix is by rows: from, to. */
enum { MARKOV_START, MARKOV_CONVERSION, MARKOV_NOTHING, MARKOV_EXTRA };

/* What the chain loses of its conversions when a channel is taken out and all that came to it is
 * lost: E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, "Mapping the customer journey",
 * IJRM 33 (2016), 457-474. Exact: with N = (I - Q)⁻¹ and h = the probability to convert, the effect
 * of i is N[start][i] / N[i][i] · h[i] / h[start], the share of the converting walks that visit i.
 * `steps`: (count + MARKOV_EXTRA)² counts. The effects are scaled to the sum 1; all are 0 where
 * nothing converts. -1: out of memory. */
int markov_shares(const double *steps, size_t count, double *ret_shares);

/* How strongly a channel speaks for a conversion: the simple probabilistic model of X. Shao, L. Li,
 * "Data-driven multi-touch attribution models", KDD 2011, section 4.2:
 *   C(i) = p(i) + Σ_{j≠i} (p(i, j) - p(i) - p(j)) / (2 (count - 1))
 * with p(i), p(i, j) the share of the journeys with i, with i and j, that convert. Pairs that no
 * journey has add nothing; a negative strength is 0. `won`, `lost`: count² numbers of journeys, of
 * which those with i <= j are read. */
void probabilistic_strengths(const double *won, const double *lost, size_t count,
                             double *ret_strengths);
