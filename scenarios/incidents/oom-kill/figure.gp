set multiplot layout 2,1 margins 0.08,0.98,0.17,0.92 spacing 0,0.2
set xrange [0:50]
set ylabel '1/s'
set title 'Requests of users that are answered, of 450'
set yrange [0:600]
set ytics 200
set key at 20,300 maxrows 1
plot data index 'broken answered' with lines ls 1 title 'as it is', \
     data index 'fixed answered' with lines ls 2 title 'queue=40'
set title 'Kills of the three pods so far'
set xlabel 'simulated time [s]; the burst is at 1 s'
set ylabel 'kills'
set yrange [0:14]
set ytics 3
unset key
plot data index 'broken kills' with steps ls 1, data index 'fixed kills' with lines ls 2
unset multiplot
