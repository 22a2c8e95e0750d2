set multiplot layout 1,2
set xlabel 'simulated time [s]'
set xrange [0:8]
set title 'Connections that the server has seen'
set ylabel 'connections'
set yrange [0:3600]
set label '1000 ports' at 7.9,1000 right offset 0,0.6
plot 1000 with lines ls 5 notitle, \
     data index 'broken connections' with lines ls 1 title 'as it is', \
     data index 'alive connections' with lines ls 2 title 'kept alive', \
     data index 'reuse connections' with lines ls 3 title 'tcp_tw_reuse'
unset label
set title 'Requests that found no port'
set ylabel '1/s'
set yrange [0:500]
unset key
plot data index 'broken failed' with lines ls 1, data index 'alive failed' with lines ls 2, \
     data index 'reuse failed' with lines ls 3
unset multiplot
