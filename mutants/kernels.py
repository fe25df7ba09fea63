"""Faults in the texts of kernels: loops, reductions, products, sorting, scatters, random words, and the C of rows.

Tails and strides, ties and NaN, identities, C's own division and conversions.
"""

from mutants.mutant import patches

OPENCL = "opencl_backend"

seed = patches("kernels", f"{OPENCL}/render.py", "kernel ", "fusion ", "plan ")

seed(
    "tail_of_a_nest_lost",
    "elements after the last whole vector are left out",
    '"    for (; j < m; j++) {")',
    '"    for (; j < m - 1; j++) {")',
    origin="the tail of n % workgroup elements was lost",
)
seed(
    "beside_the_wrong_vector",
    "the last of the vectors that are computed side by side reads what the one before reads",
    'return f"j + {self.place * self.width}" if self.place else "j"',
    'return f"j + {min(self.place, 2) * self.width}" if self.place else "j"',
)
seed(
    "row_advanced_by_one_axis",
    "after a row the second axis is not carried into the first",
    'carry = f"if (++i{axis} == d{axis}) {{ i{axis} = 0; {carry} }}"',
    'carry = f"if (++i{axis} == d{axis}) {{ {carry} }}"',
)
seed(
    "once_for_a_row",
    "an operand that changes from row to row is loaded once",
    "return {0: ROW, 1: NEXT}.get(strides[-1], STRIDED)",
    "return {0: ONCE, 1: NEXT}.get(strides[-1], STRIDED)",
    origin="0-stride broadcast of a runtime-1 dimension",
)
seed(
    "negative_index_as_it_is",
    "a negative index of a gather is not counted from the end",
    'f"long {index} = {given} < 0 ? {given} + gl{n} : {given};"',
    'f"long {index} = {given} < 0 ? -{given} : {given};"',
    "kernel AdvancedSubtensor",
    "kernel ",
)
seed(
    "gathers_share_a_stride",
    "the second index of a gather moves by the first one's stride",
    'where += f" + {index} * gs{n}"',
    'where += f" + {index} * gs{first}"',
    "kernel AdvancedSubtensor",
    "kernel ",
    origin="pymc-extras #717: a fused gather and reduction stretched its index arrays wrongly",
)

seed = patches("kernels", f"{OPENCL}/machine.py", "kernel ")

seed(
    "machine_skips_the_last",
    "the last element of a row is left out by the interpreter of small arrays",
    "left - j < {WIDTH} ? left - j : {WIDTH};",
    "left - j < {WIDTH} ? left - j - (left - j > 3) : {WIDTH};",
)
seed(
    "machine_third_is_second",
    "the third operand of the interpreter of small arrays is its second",
    "z = dc < 0 ? x : load(c, pc, sc, m, dc);",
    "z = dc < 0 ? x : load(b, pb, sb, m, db);",
    "kernel ",
)
seed(
    "machine_casts_through",
    "an operand's own conversion is left out before the arithmetic's",
    "    if cast == compute or arg.dtype == cast:\n        return arg.array\n",
    "    return arg.array\n",
    "kernel ",
)
seed(
    "machine_swaps_axes",
    "the interpreter counts the second axis by the third's length",
    "i2 = r3 % g[8], r2 = r3 / g[8], i1 = r2 % g[7], i0 = r2 / g[7];",
    "i2 = r3 % g[8], r2 = r3 / g[7], i1 = r2 % g[7], i0 = r2 / g[7];",
    "kernel ",
)

seed = patches(
    "kernels",
    f"{OPENCL}/fold.py",
    "kernel Sum",
    "kernel Prod",
    "kernel Max",
    "kernel Argmax",
    "kernel All",
    "kernel Any",
    "kernel ",
)

seed(
    "sum_starts_from_minus_zero",
    "a sum of -0.0s over columns is -0.0",
    'first = out.combine(1, CType(fold.acc).literal(0), "e") if fold.kind == "add" else "e"',
    'first = "e"',
    "kernel Sum",
    "kernel ",
)
seed(
    "product_of_nothing",
    "an empty product is 0",
    '{"add": "0", "mul": "1", "max": "0", "min": "1"}',
    '{"add": "0", "mul": "0", "max": "0", "min": "1"}',
    "kernel Prod",
    "kernel ",
)
seed(
    "all_of_nothing",
    "all of nothing is false",
    '{"add": "0", "mul": "1", "max": "0", "min": "1"}',
    '{"add": "0", "mul": "1", "max": "0", "min": "0"}',
    "kernel All",
    "kernel ",
    origin="Theano e43fa3739: a wrong identity of an AND reduction",
)
seed(
    "columns_last_largest",
    "of equal elements in a column the last is the largest",
    'update = f"const int better = (e > v[j]){nan};"',
    'update = f"const int better = (e >= v[j]){nan};"',
    "kernel Max",
    "kernel Argmax",
    origin="argmax tie: the last",
)
seed(
    "columns_nan_ignored",
    "NaN is never the largest of a column",
    'nan = " | ((e != e) & (v[j] == v[j]))" if fold.acc.startswith("float") else ""',
    'nan = ""',
    "kernel Max",
    "kernel Argmax",
)
seed(
    "rows_last_largest",
    "of equal elements in a row the last is the largest",
    'f"    for (; j < n; j++) {{ {scalar} const int better = (e > v){nan};"',
    'f"    for (; j < n; j++) {{ {scalar} const int better = (e >= v){nan};"',
    "kernel Max",
    "kernel Argmax",
    origin="argmax tie: the last",
)
seed(
    "pairs_cut_elsewhere",
    "long rows are halved without rounding the cut to eight",
    "long cut = m / 2; cut -= cut % 8;",
    "long cut = m / 2;",
    "kernel Sum",
    "kernel ",
)
seed(
    "row_sum_tail_lost",
    "a row's elements after the last eight are not added",
    """f"        for (; j < end; j++) {{ {' '.join(one)} sum = {out.combine(1, 'sum', 'e')}; }}",""",
    """f"        if (m < 8) for (; j < end; j++) {{ {' '.join(one)} sum = {out.combine(1, 'sum', 'e')}; }}",""",
    "kernel Sum",
    "kernel ",
    origin="the tail of n % workgroup elements of a reduction was lost",
)

seed = patches("kernels", f"{OPENCL}/kernels/gemm.py", "kernel Dot", "kernel BatchedDot", "kernel ")

seed(
    "dot_last_rows_lost",
    "the rows after the last whole tile are left out",
    "    if tile.rest:\n",
    "    if tile.rest > 1:\n",
    origin="the tail of a tile was lost",
)
seed(
    "dot_batch_of_the_first",
    "every batch reads the first right operand",
    "global const {ct.scalar} *b = pb + (b_at + batch * b_batch + column * b_column);",
    "global const {ct.scalar} *b = pb + (b_at + column * b_column);",
    "kernel BatchedDot",
    "kernel ",
)
seed(
    "dot_finished_by_rows",
    "what is made of a product reads its operands as if all rows were the first",
    "out.append(f\"    global const {memory} *a{k} = e{k} + i * e{k}_out;\")",
    "out.append(f\"    global const {memory} *a{k} = e{k};\")",
    "kernel Dot",
    "fusion ",
    "kernel ",
)
seed(
    "dot_last_lanes_twice",
    "what is left of rows after whole vectors counts again what was before it",
    'terms(f"keep ? {{}} : {ct.literal(0)}")',
    'terms("{}")',
)
seed(
    "dot_of_bools_adds",
    "a product of bools adds",
    'return f"{so_far} | ({a} & {b})" if dtype == "bool" else f"{so_far} + {a} * {b}"',
    'return f"{so_far} + {a} * {b}"',
)

seed = patches("kernels", f"{OPENCL}/kernels/blocks.py", "kernel Dot", "kernel ")

seed(
    "later_factors_of_a_block_are_the_first",
    "the factors in local memory are those of the first terms, again and again",
    "const long from = {first} + i * {along} + (done + k) * {deep};",
    "const long from = {first} + i * {along} + k * {deep};",
)
seed(
    "block_written_side_by_side",
    "an item's sums of a row are written next to each other, though they are eight columns apart",
    "l = column + across + e % {columns} * {SIDE};",
    "l = column + across * {columns} + e % {columns};",
)

seed = patches("kernels", f"{OPENCL}/kernels/trees.py", "kernel Sum", "kernel Max", "kernel Argmax", "kernel ")

seed(
    "second_half_of_the_parts_lost",
    "what the second half of a long row gives is left out",
    "for (long far = 1; far < {parts}; far *= 2) {{",
    "for (long far = 1; 2 * far < {parts}; far *= 2) {{",
)
seed(
    "place_in_the_first_part",
    "the place of the largest is that of its part's row in the part before",
    "at[k] = better ? at[k + far] : at[k];",
    "at[k] = better ? at[k] : at[k];",
)

seed = patches("kernels", f"{OPENCL}/kernels/crew.py", "kernel ", "plan ", "fusion ", "driver ", "machine ", "inline ")

seed(
    "last_item_of_a_stage_lost",
    "of every launch that several share the last item is left out, though it counts as done",
    "{name}(i - {before}, n + {call.at}{pointers});",
    "if (i < {upto} - 1) {name}(i - {before}, n + {call.at}{pointers});",
)
seed(
    "round_with_the_numbers_of_the_first",
    "every step of a loop that is shared out has the first one's numbers",
    "constant long *n = g + round * g[1];",
    "constant long *n = g;",
)

seed = patches("kernels", f"{OPENCL}/kernels/beside.py", "kernel ", "plan ", "fusion ", "function")

seed(
    "last_item_never_done",
    "of launches side by side the first item is done twice and the last one not at all",
    "{names[call.text]}(i - {before}, g",
    "{names[call.text]}(i > {before} ? i - {before} - 1 : 0, g",
)

seed = patches("kernels", f"{OPENCL}/kernels/scatter.py", "kernel AdvancedIncSubtensor")

seed(
    "scatter_backwards",
    "rows are written last first, so that the first wins",
    "for (long r = 0; r < rows; r++) {",
    "for (long r = rows - 1; r >= 0; r--) {",
    origin="a non-atomic scatter lost duplicates",
)
seed(
    "scatter_without_column_step",
    "every column of a row gets the row's first value",
    "global const {T} *v = y + (g[4] + r * y_row);",
    "global const {T} *v = y + (g[4] + r * y_row) - first * 0 - (columns > 1 ? y_column : 0);",
)

seed = patches("kernels", f"{OPENCL}/kernels/sort.py", "kernel SortOp", "kernel ArgSortOp", "kernel ")

seed(
    "sort_unstable",
    "of equal elements of two runs the later comes first",
    "const int right = a >= middle || (b < to && {before}(s[b], s[a]));",
    "const int right = a >= middle || (b < to && !{before}(s[a], s[b]));",
)
seed(
    "sort_nan_anywhere",
    "NaN stays where it is met",
    'less = "(a < b) || (b != b && a == a)" if dtype.startswith("float") else "a < b"',
    'less = "a < b"',
)
seed(
    "sort_last_run_lost",
    "a run of a sort ends one element early",
    'const long to = from + {RUN} < n ? from + {RUN} : n;",\n'
    '        "      for (long j = from; j < to; j++) {",\n        f"        const {T} key',
    'const long to = from + {RUN} < n ? from + {RUN} : n;",\n'
    '        "      for (long j = from; j < to - (to == 3); j++) {",\n        f"        const {T} key',
)

seed = patches("kernels", f"{OPENCL}/kernels/uniform.py", "kernel RandomFunction", "random")

seed(
    "numbers_of_another_row",
    "all rows of numbers that are drawn where they are read begin with the first of a block",
    "{name}_per * {each} + {name}_at % {each};",
    "{name}_per * {each};",
)

seed = patches("kernels", f"{OPENCL}/kernels/philox.py", "kernel RandomFunction", "random")

seed(
    "words_counted_from_the_chunk",
    "every chunk of a draw begins with the first word",
    "philox_words(made, (ulong)k / {4 // each}, key0,",
    "philox_words(made, (ulong)(k - get_global_id(0) * each) / {4 // each}, key0,",
)
seed(
    "trials_share_words",
    "the second half of a block's words repeats the first",
    "const uint b = place == 0 ? w.s1 : w.s3;",
    "const uint b = w.s1;",
)
seed(
    "closed_uniform",
    "the numbers behind a normal draw may be 0",
    "(({high} * 0x1p+26 + {low}) + 0.5) * 0x1p-52",
    "(({high} * 0x1p+26 + {low}) + 0.0) * 0x1p-52",
)

seed = patches("kernels", f"{OPENCL}/scalar_c/arith.py")

seed(
    "c_division_truncates",
    "integers are divided as C divides them",
    "q = ((r != ($T)(0)) & ((r ^ safe) < ($T)(0))) ? q - ($T)(1) : q;",
    "",
    "kernel int_div",
    origin="C integer division truncates",
)
seed(
    "c_remainder",
    "a remainder takes the sign of the dividend",
    "return ((r != ($T)(0)) & ((r ^ safe) < ($T)(0))) ? r + safe : r;",
    "return r;",
    "kernel mod",
    origin="C's % takes the sign of the dividend; TVM #5505",
)
seed(
    "c_nan_loses",
    "a maximum with NaN on the left is the other operand",
    'nan_wins = f" | ({a} != {a})" if ct.is_float else ""',
    'nan_wins = ""',
    "kernel maximum",
    "kernel minimum",
    origin="OpenCL's fmax drops NaN",
)
seed(
    "c_tie_gives_the_first",
    "a tie of a maximum gives the first operand",
    'row("maximum", 2, _extreme(">"))',
    'row("maximum", 2, _extreme(">="))',
    "kernel maximum",
)
seed(
    "c_sign_of_floor",
    "floor loses the sign of -0.0",
    "  r = r > x ? r - ($S)1 : r;\n  return as_$F(as_$I(r) | (as_$I(x) & $SIGN));\n}\nstatic inline $F ceil",
    "  r = r > x ? r - ($S)1 : r;\n  return r + ($S)0;\n}\nstatic inline $F ceil",
    "kernel floor",
)
seed("c_sign_of_zero", "the sign of NaN is 0", "({a} == {zero} ? {zero} : {a})", "{zero}", "kernel sgn")
seed(
    "c_bools_add",
    "a sum of bools is that of numbers",
    'row("add", -1, arithmetic("+", "|"), needs=half_helper)',
    'row("add", -1, arithmetic("+", "+"), needs=half_helper)',
    "kernel add",
)
seed(
    "c_power_of_small_exponents",
    "the highest bits of an integer exponent are ignored",
    '.replace("$BITS", str(ct.bits))',
    '.replace("$BITS", "2")',
    "kernel pow",
)
seed(
    "c_clip_of_crossed_bounds",
    "crossed bounds give the higher one",
    'return f"({x} < {low} ? {low} : ({x} > {high} ? {high} : {x}))"',
    'return f"({x} > {high} ? {high} : ({x} < {low} ? {low} : {x}))"',
    "kernel clip",
)

seed = patches("kernels", f"{OPENCL}/scalar_c/cast.py", "kernel Cast{", "kernel ")

seed(
    "c_conversion_of_nan",
    "NaN becomes whatever the device makes of it",
    '        f"  c = c == c ? c : {ct.literal(0)};",\n',
    '        f"  c = c == c ? c : {ct.literal(1)};",\n',
)
seed(
    "c_truth_of_fractions",
    "0.5 is false",
    'return ct.boolean(f"{text} != {ct.literal(0)}"), ()',
    'return ct.boolean(f"{text} >= {ct.literal(1)}"), ()',
)

seed = patches("kernels", f"{OPENCL}/scalar_c/ctype.py", "kernel ")

seed(
    "literal_in_single",
    "a float64 literal has only the digits of a float32",
    "number = float(np.dtype(dtype).type(value))",
    "number = float(np.float32(value))",
    origin="a float literal with an f in a float64 kernel",
)
seed(
    "infinity_as_nan",
    "an infinite literal is NaN",
    "return f\"as_{scalar}({pattern:#x}{'u' if suffix else 'ul'})\"",
    'return f"(({scalar})NAN)"',
    origin="literals of inf and nan",
)

seed = patches("kernels", f"{OPENCL}/scalar_c/exp64.py")

seed(
    "exp_without_low_part",
    "exp is reduced by the high part of ln 2 alone",
    '  $F low = n * 0x1.473de6af278edp-34;\n  $F t = r - low;\n  $F p = t * t * {horner("t", EXP)};\n'
    "  p = 1.0 + (r + (p - low));\n  $I half_k = k >> 1;\n"
    '  return p * as_$F((half_k + 1023) << 52) * as_$F((k - half_k + 1023) << 52);\n}}\n""")\n\n'
    'write("exp2"',
    '  $F low = n * 0.0;\n  $F t = r - low;\n  $F p = t * t * {horner("t", EXP)};\n'
    "  p = 1.0 + (r + (p - low));\n  $I half_k = k >> 1;\n"
    '  return p * as_$F((half_k + 1023) << 52) * as_$F((k - half_k + 1023) << 52);\n}}\n""")\n\n'
    'write("exp2"',
    "kernel exp",
    "kernel sinh",
    "kernel cosh",
    "kernel Softmax",
)
seed(
    "log_of_subnormals",
    "the logarithm of a subnormal number is that of a normal one",
    "static inline $F log_$F($F x) {\n  $F y = x < 0x1p-1022 ? x * 0x1p54 : x;",
    "static inline $F log_$F($F x) {\n  $F y = x;",
    "kernel log",
)

seed = patches("kernels", "opencl_backend/kernels/windows.py", "kernel AbstractConv", "kernel ")

seed(
    "windows_but_the_last",
    "the last window is left out where it does not reach the end",
    "top{k} < windows{k} ? top{k} : windows{k} - 1;",
    "top{k} < windows{k} ? top{k} : windows{k} - 2;",
)
