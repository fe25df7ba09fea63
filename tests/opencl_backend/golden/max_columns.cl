#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
__attribute__((reqd_work_group_size(1, 1, 1)))
kernel void fold(constant long *g, global const float *restrict p0, global float *restrict q, global long *restrict r) {
  const long length = g[1], inner = g[2], each = g[3], outputs = g[0] * inner;
  long k = get_global_id(0) * each; const long last = k + each < outputs ? k + each : outputs;
  while (k < last) {
    const long before = k / inner, x = k % inner;
    long m = inner - x < 512 ? inner - x : 512; m = m < last - k ? m : last - k;
    float v[512]; long at[512];
    for (long l = 0; l < length; l++) {
      global const float *a0 = p0 + (g[4] + before * g[5] + l * g[6] + x);
      if (l == 0) { for (long j = 0; j < m; j++) { const float v0 = a0[j]; const float e = v0; v[j] = e; at[j] = 0; } continue; }
      for (long j = 0; j < m; j++) { const float v0 = a0[j]; const float e = v0; const int better = (e > v[j]) | ((e != e) & (v[j] == v[j])); v[j] = better ? e : v[j]; at[j] = better ? l : at[j]; }
    }
    for (long j = 0; j < m; j++) { q[k + j] = v[j]; r[k + j] = at[j]; }
    k += m;
  }
}
