#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double8 __attribute__((aligned(8))) double8_any;
__attribute__((reqd_work_group_size(1, 1, 1)))
kernel void fold(constant long *g, global const double *restrict p0, global double *restrict q) {
  const long n = g[1], each = g[3], first = get_global_id(0) * each;
  const long last = first + each < g[0] ? first + each : g[0];
  long from[48], many[48]; double left[48]; uchar state[48];
  for (long row = first; row < last; row++) {
    global const double *a0 = p0 + (g[4] + row * g[5]);
    double sum = 0x0.0p+0;
    int top = 0; from[0] = 0; many[0] = n; state[0] = 0;
    while (top >= 0) {
      const long m = many[top]; long cut = m / 2; cut -= cut % 8;
      if (state[top] == 0 && m > 128) {
        state[top] = 1; from[top + 1] = from[top]; many[top + 1] = cut; state[++top] = 0;
      } else if (state[top] == 1) {
        left[top] = sum; state[top] = 2;
        from[top + 1] = from[top] + cut; many[top + 1] = m - cut; state[++top] = 0;
      } else if (state[top] == 2) {
        const double x = left[top]; sum = (x + sum); top--;
      } else {
        long j = from[top]; const long end = j + m;
        sum = 0x0.0p+0;
        if (m >= 8) {
          double8 r; { const double8 v0 = *(global const double8_any *)(a0 + j); const double8 e = v0; r = e; }
          for (j += 8; j + 8 <= end; j += 8) { const double8 v0 = *(global const double8_any *)(a0 + j); const double8 e = v0; r = (r + e); }
          const double h0 = (r.s0 + r.s1), h1 = (r.s2 + r.s3), h2 = (r.s4 + r.s5), h3 = (r.s6 + r.s7);
          const double f0 = (h0 + h1), f1 = (h2 + h3);
          sum = (f0 + f1);
        }
        _Pragma("clang loop vectorize(disable) interleave(disable)")
        for (; j < end; j++) { const double v0 = a0[j]; const double e = v0; sum = (sum + e); }
        top--;
      }
    }
    sum = (0x0.0p+0 + sum);
    q[row] = sum;
  }
}
