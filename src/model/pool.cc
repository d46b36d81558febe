#include "model/pool.h"

#include "model/check_url.h"

namespace servo::model {

bool is_check_url(std::string_view url) {
    return check_url_problem(url).empty();
}

}  // namespace servo::model
