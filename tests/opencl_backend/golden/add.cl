#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef float16 __attribute__((aligned(4))) float16_any;
__attribute__((reqd_work_group_size(1, 1, 1)))
kernel void nest(constant long *g, global const float *restrict p0, global const float *restrict p1, global float *restrict q) {
  const long n = g[0], each = g[1];
  long k = get_global_id(0) * each;
  const long end = k + each < n ? k + each : n;
  const long d0 = g[2];
  long x = k;
  while (k < end) {
    const long m = d0 - x < end - k ? d0 - x : end - k;
    global const float *a0 = p0 + (g[3] + x);
    global const float *a1 = p1 + (g[5] + x);
    global float *o = q + (g[7] + x);
    long j = 0;
    for (; j + 16 <= m; j += 16) {
      const float16 v0 = *(global const float16_any *)(a0 + j);
      const float16 v1 = *(global const float16_any *)(a1 + j);
      const float16 v2 = (v0 + v1);
      *(global float16_any *)(o + j) = v2;
    }
    for (; j < m; j++) {
      const float v0 = a0[j];
      const float v1 = a1[j];
      const float v2 = (v0 + v1);
      o[j] = v2;
    }
    k += m;
    x = 0;
  }
}
