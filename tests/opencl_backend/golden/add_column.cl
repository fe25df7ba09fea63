#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef float16 __attribute__((aligned(4))) float16_any;
__attribute__((reqd_work_group_size(1, 1, 1)))
kernel void nest(constant long *g, global const float *restrict p0, global const float *restrict p1, global float *restrict q) {
  const long n = g[0], each = g[1];
  long k = get_global_id(0) * each;
  const long end = k + each < n ? k + each : n;
  const long d0 = g[2], d1 = g[3];
  long rest = k;
  long x = rest % d1; rest /= d1;
  long i0 = rest;
  while (k < end) {
    const long m = d1 - x < end - k ? d1 - x : end - k;
    global const float *a0 = p0 + (g[4] + i0 * g[5] + x);
    const float s1 = p1[g[7] + i0 * g[8]];
    global float *o = q + (g[10] + i0 * g[11] + x);
    long j = 0;
    for (; j + 16 <= m; j += 16) {
      const float16 v0 = *(global const float16_any *)(a0 + j);
      const float16 v1 = ((float16)(s1));
      const float16 v2 = (v0 + v1);
      *(global float16_any *)(o + j) = v2;
    }
    for (; j < m; j++) {
      const float v0 = a0[j];
      const float v2 = (v0 + s1);
      o[j] = v2;
    }
    k += m;
    x = 0;
    i0++;
  }
}
