// The product of matrices, for shapes down to a few rows and columns. Included by kernels.inc.h,
// inside its namespace.
//
// A tile of results stays in registers while k runs. Each result is one chain of fused
// multiply-adds in order of k, so that no bit depends on how tiles are cut.

// Tile rows x tile vectors of sums, and what they are made from, fill the registers.
constexpr int kTileRows = kFloats == 16 ? 8 : kFloats == 8 ? 6 : 3;
constexpr int kTileVectors = 2;

// What the sums of each row begin with: numbers `step` apart, or what the results hold already.
struct Start {
  const float* numbers;
  size_t step = 0;

  Start From(size_t row) const { return {numbers + row * step, step}; }
  bool IsHeld() const { return numbers == nullptr; }
};
constexpr Start kHeld = {nullptr};

// Inlined, since a call with so many arguments takes as long as a tenth of a small tile.
template <int rows, int vectors>
[[gnu::always_inline]] inline void Tile(size_t inner, const float* a, size_t a_row, size_t a_step,
                                        const float* b, size_t ldb, Start start, float* c,
                                        size_t ldc) {
  V sum[rows][vectors];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) {
      sum[i][j] =
          start.IsHeld() ? Load(c + i * ldc + j * kFloats) : Lift(start.numbers[i * start.step]);
    }
  }
#pragma GCC unroll 2
  for (size_t k = 0; k < inner; ++k) {
    V right[vectors];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) right[j] = Load(b + k * ldb + j * kFloats);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const V left = Lift(a[i * a_row + k * a_step]);
#pragma GCC unroll 8
      for (int j = 0; j < vectors; ++j) sum[i][j] = Fma(left, right[j], sum[i][j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) Save(c + i * ldc + j * kFloats, sum[i][j]);
  }
}

template <int vectors, int rows = kTileRows>
[[gnu::always_inline]] inline void TileOf(size_t height, size_t inner, const float* a, size_t a_row,
                                          size_t a_step, const float* b, size_t ldb, Start start,
                                          float* c, size_t ldc) {
  if constexpr (rows > 1) {
    if (height < rows) {
      return TileOf<vectors, rows - 1>(height, inner, a, a_row, a_step, b, ldb, start, c, ldc);
    }
  }
  Tile<rows, vectors>(inner, a, a_row, a_step, b, ldb, start, c, ldc);
}

// Columns that fill no vector go through panels of their own, a piece of k after the other.
inline void LastColumns(size_t height, size_t count, size_t inner, const float* a, size_t a_row,
                        size_t a_step, const float* b, size_t ldb, Start start, float* c,
                        size_t ldc) {
  constexpr size_t kPiece = 64;
  float right[kPiece * kFloats] = {}, sums[kTileRows * kFloats] = {};
  for (size_t i = 0; i < height; ++i) {
    for (size_t j = 0; j < count; ++j) {
      sums[i * kFloats + j] = start.numbers[i * start.step];
    }
  }
  for (size_t begin = 0; begin < inner; begin += kPiece) {
    const size_t piece = inner - begin < kPiece ? inner - begin : kPiece;
    for (size_t k = 0; k < piece; ++k) {
      for (size_t j = 0; j < count; ++j) right[k * kFloats + j] = b[(begin + k) * ldb + j];
    }
    TileOf<1>(height, piece, a + begin * a_step, a_row, a_step, right, kFloats, kHeld, sums,
              kFloats);
  }
  for (size_t i = 0; i < height; ++i) {
    for (size_t j = 0; j < count; ++j) c[i * ldc + j] = sums[i * kFloats + j];
  }
}

void Multiply(size_t rows, size_t cols, size_t inner, const float* a, size_t a_row, size_t a_step,
              const float* b, size_t ldb, const float* start, size_t start_step, float* c,
              size_t ldc) {
  static constexpr float kZero = 0;
  const Start all = start == nullptr ? Start{&kZero, 0} : Start{start, start_step};
  // Tiles of nearly equal heights: a low one would leave the arithmetic waiting for its own sums.
  const size_t tiles = (rows + kTileRows - 1) / kTileRows;
  for (size_t tile = 0, i = 0; tile < tiles; ++tile) {
    const size_t height = rows / tiles + (tile < rows % tiles);
    const float* left = a + i * a_row;
    float* out = c + i * ldc;
    const Start from = all.From(i);
    size_t j = 0;
    for (; j + kTileVectors * kFloats <= cols; j += kTileVectors * kFloats) {
      TileOf<kTileVectors>(height, inner, left, a_row, a_step, b + j, ldb, from, out + j, ldc);
    }
    if (j + kFloats <= cols) {
      TileOf<1>(height, inner, left, a_row, a_step, b + j, ldb, from, out + j, ldc);
      j += kFloats;
    }
    if (j < cols) {
      LastColumns(height, cols - j, inner, left, a_row, a_step, b + j, ldb, from, out + j, ldc);
    }
    i += height;
  }
}
