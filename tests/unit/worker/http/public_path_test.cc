// SPDX-License-Identifier: Apache-2.0
#include "worker/http/public_path.h"

#include <catch2/catch.hpp>

using monodon::http::is_public_path;

TEST_CASE("what anybody may ask for is a path of names, numbers and words",
          "[public_path]") {
  for (const char* path :
       {"/", "/about/", "/blog/2024/05/how-we-moved-to-python-3.13/", "/users/12345/",
        "/static/app.css", "/api/v2/items", "/internationalization/", "/@alice",
        "/Category:Physics", "/a/b/c/d/e", "/catalog/offers/"})
    CHECK(is_public_path(path));
}

TEST_CASE("what sounds like an order is not asked for again", "[public_path]") {
  for (const char* path :
       {"/logout", "/accounts/logout/", "/log-out", "/users/sign_out", "/Logoff",
        "/unsubscribe/17", "/newsletter/opt-out/", "/items/12/delete/", "/removeItem/3",
        "/cartRemove/3", "/LOGOUT", "/cart/remove/5", "/users/5/deactivate",
        "/confirm/7", "/orders/3/cancel", "/cache/purge", "/cron/trigger/nightly"})
    CHECK_FALSE(is_public_path(path));
}

TEST_CASE("what may be a secret is no public path", "[public_path]") {
  for (const char* path : {"", "*", "about", "/search?q=x", "/a%20b", "/x;jsessionid=1",
                           "/reset/MQ/c5h7kp-9a8b7c6d5e4f3a2b1c0d/",  // Django's mail
                           "/invite/550e8400-e29b-41d4-a716-446655440000",  // UUID
                           "/s/aB3dE5fG7hI9",  // a magic link
                           "/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",  // JWT
                           "/k/0123456789abcdef", "/k/deadbeefcafe",
                           "/x/q7w8e9r0t1y2u3", "/f/thisisaverylongwordwithoutanyspace",
                           "/unsubscribe/bob@example.com", "/u/bob.smith@example.com"})
    CHECK_FALSE(is_public_path(path));
}
