/* Whether a Python number can become an element. */
#include "base/error.h"
#include "tensor/dtype.h"

#include <float.h>
#include <limits.h>
#include <math.h>

/* What each type holds, and what PyTorch calls it in C++. */
static const struct {
    double least, most;
    const char *name;
} limits[DTYPE_COUNT] = {
    [DTYPE_u8] = {-UINT8_MAX, UINT8_MAX, "uint8_t"}, /* a negative number counts from the end */
    [DTYPE_i8] = {INT8_MIN, INT8_MAX, "int8_t"},
    [DTYPE_i16] = {INT16_MIN, INT16_MAX, "int16_t"},
    [DTYPE_i32] = {INT32_MIN, INT32_MAX, "int"},
    [DTYPE_i64] = {-0x1p63, 0x1p63, "int64_t"},
    [DTYPE_f16] = {-65504, 65504, "at::Half"},
    [DTYPE_bf16] = {-0x1.fep127, 0x1.fep127, "at::BFloat16"},
    [DTYPE_f32] = {-FLT_MAX, FLT_MAX, "float"},
    [DTYPE_f64] = {-DBL_MAX, DBL_MAX, "double"},
    [DTYPE_c32] = {-FLT_MAX, FLT_MAX, "c10::complex<float>"},
    [DTYPE_c64] = {-FLT_MAX, FLT_MAX, "c10::complex<float>"},
    [DTYPE_c128] = {-DBL_MAX, DBL_MAX, "c10::complex<double>"},
};

static bool part_overflows(double x, enum dtype d)
{
    if (isnan(x) || isinf(x))
        return !dtype_is_differentiable(d);
    return x < limits[d].least || x > limits[d].most;
}

bool scalar_overflows(struct scalar s, enum dtype d)
{
    if (d == DTYPE_b8)
        return false;
    if (s.kind <= SCALAR_INT && d == DTYPE_i64)
        return false;
    if (s.kind == SCALAR_COMPLEX && (dtype_is_complex(d) ? part_overflows(s.im, d) : s.im != 0))
        return true;
    return part_overflows(s.d, d);
}

int scalar_check(struct scalar s, enum dtype d)
{
    return scalar_overflows(s, d)
               ? error_set(ERROR_RUNTIME, "value cannot be converted to type %s without overflow",
                           limits[d].name)
               : 0;
}
