// First numbers of the random streams of a search, so that no two purposes share draws.
#ifndef LATHE_SEARCH_STREAMS_H_
#define LATHE_SEARCH_STREAMS_H_

#include <cstdint>

namespace lathe::streams {

inline constexpr uint64_t kProposal = 1;  // (job seed, {kProposal, index})
inline constexpr uint64_t kProbe = 2;     // (0, {kProbe, ...}): the same in every job

}  // namespace lathe::streams

#endif  // LATHE_SEARCH_STREAMS_H_
