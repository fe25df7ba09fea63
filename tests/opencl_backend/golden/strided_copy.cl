#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
__attribute__((reqd_work_group_size(1, 1, 1)))
kernel void nest(constant long *g, global const char *restrict p0, global char *restrict q) {
  const long n = g[0], each = g[1];
  long k = get_global_id(0) * each;
  const long end = k + each < n ? k + each : n;
  const long d0 = g[2], d1 = g[3], d2 = g[4];
  long rest = k;
  long x = rest % d2; rest /= d2;
  long i1 = rest % d1; rest /= d1;
  long i0 = rest;
  while (k < end) {
    const long m = d2 - x < end - k ? d2 - x : end - k;
    const long t0 = g[8];
    global const char *a0 = p0 + (g[5] + i0 * g[6] + i1 * g[7] + t0 * x);
    global char *o = q + (g[9] + i0 * g[10] + i1 * g[11] + x);
    long j = 0;
    for (; j < m; j++) {
      const char v0 = a0[j * t0];
      o[j] = v0;
    }
    k += m;
    x = 0;
    if (++i1 == d1) { i1 = 0; i0++; }
  }
}
