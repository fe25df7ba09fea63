#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
__attribute__((reqd_work_group_size(1, 1, 1)))
kernel void nest(constant long *g, global long *restrict q) {
  const long n = g[0], each = g[1];
  long k = get_global_id(0) * each;
  const long end = k + each < n ? k + each : n;
  const long pb0 = g[7], ps0 = g[8];
  const long d0 = g[2], d1 = g[3];
  long rest = k;
  long x = rest % d1; rest /= d1;
  long i0 = rest;
  while (k < end) {
    const long m = d1 - x < end - k ? d1 - x : end - k;
    global long *o = q + (g[4] + i0 * g[5] + x);
    long j = 0;
    for (; j < m; j++) {
      const long v0 = pb0 + ps0 * (x + j);
      o[j] = v0;
    }
    k += m;
    x = 0;
    i0++;
  }
}
