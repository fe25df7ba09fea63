#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef float16 __attribute__((aligned(4))) float16_any;
__attribute__((reqd_work_group_size(1, 1, 1)))
kernel void fold(constant long *g, global const float *restrict p0, global float *restrict q) {
  const long n = g[1], each = g[3], first = get_global_id(0) * each;
  const long last = first + each < g[0] ? first + each : g[0];
  for (long row = first; row < last; row++) {
    global const float *a0 = p0 + (g[4] + row * g[5]);
    float v; long at = 0, j = 0;
    if (n >= 32) {
      float16 lanes; { const float16 v0 = *(global const float16_any *)(a0 + j); const float16 e = v0; lanes = e; }
      int16 from = (int16)(0);
      for (j = 16; j + 16 <= n; j += 16) {
        const float16 v0 = *(global const float16_any *)(a0 + j); const float16 e = v0; const float16 v = lanes;
        const int16 better = (e > v) | ((e != e) & (v == v));
        lanes = better ? e : v; from = better ? (int16)(j) : from;
      }
      __attribute__((aligned(64))) float values[16];
      __attribute__((aligned(64))) int begins[16];
      *(float16 *)values = lanes; *(int16 *)begins = from;
      v = values[0]; at = begins[0];
      for (int lane = 1; lane < 16; lane++) {
        const float e = values[lane]; const long p = begins[lane] + lane;
        const int better = ((e > v) & (v == v)) | ((e != e) & (v == v)) | ((e == v) & (p < at)) | ((e != e) & (v != v) & (p < at));
        v = better ? e : v; at = better ? p : at;
      }
    } else { const float v0 = a0[j]; const float e = v0; v = e; j = 1; }
    for (; j < n; j++) { const float v0 = a0[j]; const float e = v0; const int better = (e > v) | ((e != e) & (v == v));
      v = better ? e : v; at = better ? j : at; }
    q[row] = v;
  }
}
