#include "model/pool.h"

#include <algorithm>

namespace servo::model {

bool is_check_url(std::string_view url) {
    return (url.starts_with("http://") || url.starts_with("https://")) &&
           url.size() <= kCheckUrlBytesMax && url.find('@') == std::string_view::npos &&
           std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace servo::model
