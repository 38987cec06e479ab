from .conftest import *
from .proving import *
import time
def test_x(bench,proven):
    b=bench("humidity")
    t=time.time()
    o=b.run("check/humidity","desk")
    print(time.time()-t)
    print(b.known("desk",{"temperature":60.0,"humidity":85.0,"supply":3.3}))
    print(b.known("desk",{"temperature":25.0,"humidity":85.0,"supply":3.3}))
    t=time.time()
    proven(o)
    print(time.time()-t)
    b=bench("thermometer")
    o=b.run("check/temperature","t1")
    print([ (r.serial,r.value,r.at) for r in o.assessment.results])
    for c in (-44.75,47.5,139.75): print(b.known("t1",{"temperature":c,"supply":3.3}))
    assert 0
