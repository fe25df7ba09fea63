#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
__attribute__((reqd_work_group_size(128, 1, 1)))
kernel void nest(constant long *g, global const float *restrict p0, global const float *restrict p1, global float *restrict q) {
  const long k = get_global_id(0);
  if (k >= g[0]) return;
  long rest = k;
  const long i1 = rest % g[3]; rest /= g[3];
  const long i0 = rest, j = 0;
  const long t0 = 0; global const float *a0 = p0 + (g[4] + i0 * g[5] + i1 * g[6]);
  const float s1 = p1[g[7] + i0 * g[8] + i1 * g[9]];
  const float v0 = a0[j];
  const float v2 = (v0 + s1);
  q[g[10] + i0 * g[11] + i1 * g[12]] = v2;
}
