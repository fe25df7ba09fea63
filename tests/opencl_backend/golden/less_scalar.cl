#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double8 __attribute__((aligned(8))) double8_any;
typedef uchar8 __attribute__((aligned(1))) uchar8_any;
__attribute__((reqd_work_group_size(1, 1, 1)))
kernel void nest(constant long *g, global const double *restrict p0, global const double *restrict p1, global uchar *restrict q) {
  const long n = g[0], each = g[1];
  long k = get_global_id(0) * each;
  const long end = k + each < n ? k + each : n;
  const double s1 = p1[g[5]];
  const long d0 = g[2];
  long x = k;
  while (k < end) {
    const long m = d0 - x < end - k ? d0 - x : end - k;
    global const double *a0 = p0 + (g[3] + x);
    global uchar *o = q + (g[7] + x);
    long j = 0;
    for (; j + 8 <= m; j += 8) {
      const double8 v0 = *(global const double8_any *)(a0 + j);
      const double8 v1 = ((double8)(s1));
      const uchar8 v2 = __builtin_convertvector(-(v0 < v1), uchar8);
      *(global uchar8_any *)(o + j) = v2;
    }
    for (; j < m; j++) {
      const double v0 = a0[j];
      const uchar v2 = (uchar)(v0 < s1);
      o[j] = v2;
    }
    k += m;
    x = 0;
  }
}
