#include "statistics.h"

#include <math.h>

void statistics_wilson(double part, double whole, double *ret_low, double *ret_high)
{
    const double z = 1.959963984540054;
    double share = part / whole, z2 = z * z;
    double center = (share + z2 / (2 * whole)) / (1 + z2 / whole);
    double half =
        z / (1 + z2 / whole) * sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole));
    /* At 0 and 1 the bounds are exact; rounding must not say otherwise. */
    *ret_low = part <= 0 ? 0 : fmax(0, center - half);
    *ret_high = part >= whole ? 1 : fmin(1, center + half);
}
