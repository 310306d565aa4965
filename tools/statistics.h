#pragma once
/* Small formulas shared by tools. */

/* 95 % Wilson score interval of a share: E. B. Wilson, JASA 22 (1927), 209-212. `whole` > 0. */
void statistics_wilson(double part, double whole, double *ret_low, double *ret_high);
