# SPDX-License-Identifier: Apache-2.0
"""A site set up from nothing by what `monodon init` writes, looked at by `monodon doctor`
while it runs, and deployed anew."""

import checkup
import pytest
from checkup import HOME, NAME, SERVICE, ask


@pytest.fixture(scope="module")
def deployed(machine):
    checkup.deploy(machine)
    yield machine
    checkup.remove(machine)


def test_the_deployed_site_answers_through_nginx_and_doctor_finds_nothing(deployed):
    assert ask(deployed) == "200 "
    assert checkup.doctor(deployed) == {}
    assert deployed.show(SERVICE, "ActiveState") == "active"


def test_a_deploy_reloads_and_loses_nothing(deployed):
    before = deployed.show(SERVICE, "MainPID")
    done = deployed.run(f"{HOME}/deployment/deploy.sh", check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert deployed.show(SERVICE, "MainPID") == before
    assert "it answers 200" in done.stdout


@pytest.mark.parametrize("path, damage, step, why", [
    (f"{HOME}/demo/wsgi.py", "echo 'import nowhere_to_be_found' >>",
     "check the settings and import the application", "nowhere_to_be_found"),
    (f"{HOME}/deployment/{NAME}.yaml", "sed -i s/^workers/wrokers/",
     "check the settings and import the application", "wrokers"),
    (f"{HOME}/deployment/nginx-{NAME}.conf", "echo '}' >>", "install nginx's file",
     'unexpected "}"'),
    (f"{HOME}/requirements.txt", "echo no-such-package >", "install requirements.txt",
     "no-such-package"),
])
def test_a_deploy_that_fails_names_the_step_and_the_site_serves_on(
        deployed, path, damage, step, why):
    deployed.run(f"cp -a {checkup.SETTINGS} /run/settings; "
                 f"if [ -e {path} ]; then cp -a {path} /run/before; fi; {damage} {path}")
    try:
        done = deployed.run(f"PIP_NO_INDEX=1 {HOME}/deployment/deploy.sh", check=False,
                            timeout=120)
        assert done.returncode != 0
        assert f"deploy: FAILED: {step}" in done.stderr
        assert why in done.stdout + done.stderr
        assert ask(deployed) == "200 "
        deployed.run("nginx -t")
    finally:
        deployed.run(f"mv /run/settings {checkup.SETTINGS}; "
                     f"if [ -e /run/before ]; then mv /run/before {path}; else rm {path}; fi")
